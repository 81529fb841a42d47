// SPDX-License-Identifier: Apache-2.0
#include "lib/model/name_rules.h"

#include <ctype.h>
#include <stdio.h>

enum { LABEL_MAX = 63, SUBDOMAIN_MAX = 253, PORT_NAME_MAX = 15 };

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

#define LABEL_REGEX "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define WORD_REGEX  "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

static const char label_rule[] =
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
	"must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
	"used for validation is '" LABEL_REGEX "')";
static const char label_1035_rule[] =
	"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
	"alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
	"'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
static const char subdomain_rule[] =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
	"'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex "
	"used "
	"for validation is '" LABEL_REGEX "(\\." LABEL_REGEX ")*')";
static const char label_value_rule[] =
	"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
	"'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
	"'my_value',  or '12345', regex used for validation is '(" WORD_REGEX ")?')";
#define WORD_RULE                                                                                  \
	"must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "   \
	"an "                                                                                      \
	"alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "     \
	"validation is '" WORD_REGEX "')"

/* --- shapes, whatever the length -------------------------------------------------------------- */

static bool like_label(const char *s, size_t len)
{
	if (len == 0 || s[0] == '-' || s[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) && s[i] != '-')
			return false;
	return true;
}

static bool like_subdomain(const char *s, size_t len)
{
	for (size_t from = 0; from <= len;) {
		const char *dot = memchr(s + from, '.', len - from);
		size_t n = dot == NULL ? len - from : (size_t)(dot - s) - from;

		if (!like_label(s + from, n))
			return false;
		from += n + 1;
	}
	return true;
}

static bool like_word(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || !isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && strchr("-_.", s[i]) == NULL)
			return false;
	return true;
}

/* --- checks ----------------------------------------------------------------------------------- */

/* One value under check: its causes tell all of it, whatever part has the fault. */
struct check {
	struct rule_causes *causes;
	const char *field, *value;
	bool good;
};

static void fault(struct check *c, const char *part, const char *why)
{
	char text[640];

	snprintf(text, sizeof(text), "%s%s", part, why);
	cause_invalid_text(c->causes, c->field, c->value, text);
	c->good = false;
}

static void fault_length(struct check *c, const char *part, int max)
{
	char text[64];

	snprintf(text, sizeof(text), "must be no more than %d characters", max);
	fault(c, part, text);
}

static void check_subdomain(struct check *c, const char *part, const char *s, size_t len)
{
	if (len > SUBDOMAIN_MAX)
		fault_length(c, part, SUBDOMAIN_MAX);
	if (!like_subdomain(s, len))
		fault(c, part, subdomain_rule);
}

bool name_check_label(struct rule_causes *causes, const char *field, const char *value)
{
	struct check c = { causes, field, value, true };
	size_t len = strlen(value);

	if (len > LABEL_MAX)
		fault_length(&c, "", LABEL_MAX);
	if (!like_label(value, len))
		fault(&c, "", like_subdomain(value, len) ? "must not contain dots" : label_rule);
	return c.good;
}

bool name_check_label_1035(struct rule_causes *causes, const char *field, const char *value)
{
	struct check c = { causes, field, value, true };
	size_t len = strlen(value);

	if (len > LABEL_MAX)
		fault_length(&c, "", LABEL_MAX);
	if (!like_label(value, len) || isdigit((unsigned char)value[0]))
		fault(&c, "", label_1035_rule);
	return c.good;
}

bool name_check_kind(struct rule_causes *causes, const char *field, const char *value)
{
	static const char part[] = "may have mixed case, but should otherwise match: ";
	struct check c = { causes, field, value, true };
	size_t len = strlen(value);

	if (len > LABEL_MAX)
		fault_length(&c, part, LABEL_MAX);
	if (len == 0 || !isalpha((unsigned char)value[0]) ||
	    !isalnum((unsigned char)value[len - 1]) || strspn(value, ALNUM "-") != len)
		fault(&c, part, label_1035_rule);
	return c.good;
}

bool name_check_subdomain(struct rule_causes *causes, const char *field, const char *value)
{
	struct check c = { causes, field, value, true };

	check_subdomain(&c, "", value, strlen(value));
	return c.good;
}

bool name_check_label_value(struct rule_causes *causes, const char *field, const char *value)
{
	struct check c = { causes, field, value, true };

	if (strlen(value) > LABEL_MAX)
		fault_length(&c, "", LABEL_MAX);
	if (value[0] != '\0' && !like_word(value))
		fault(&c, "", label_value_rule);
	return c.good;
}

bool name_check_qualified(struct rule_causes *causes, const char *field, const char *value)
{
	struct check c = { causes, field, value, true };
	const char *slash = strchr(value, '/'), *name = slash == NULL ? value : slash + 1;

	if (strchr(name, '/') != NULL) {
		fault(&c, "",
		      "a qualified name " WORD_RULE
		      " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')");
		return false;
	}
	if (slash == value)
		fault(&c, "prefix part ", "must be non-empty");
	else if (slash != NULL)
		check_subdomain(&c, "prefix part ", value, (size_t)(slash - value));
	if (name[0] == '\0')
		fault(&c, "name part ", "must be non-empty");
	else if (strlen(name) > LABEL_MAX)
		fault_length(&c, "name part ", LABEL_MAX);
	if (!like_word(name))
		fault(&c, "name part ", WORD_RULE);
	return c.good;
}

bool name_check_port(struct rule_causes *causes, const char *field, const char *value)
{
	struct check c = { causes, field, value, true };
	size_t len = strlen(value);

	if (len > PORT_NAME_MAX)
		fault_length(&c, "", PORT_NAME_MAX);
	if (len == 0 || strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
		fault(&c, "",
		      "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
	if (strpbrk(value, "abcdefghijklmnopqrstuvwxyz") == NULL)
		fault(&c, "", "must contain at least one letter (a-z)");
	if (strstr(value, "--") != NULL)
		fault(&c, "", "must not contain consecutive hyphens");
	if (len > 0 && (value[0] == '-' || value[len - 1] == '-'))
		fault(&c, "", "must not begin or end with a hyphen");
	return c.good;
}
