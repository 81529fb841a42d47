// SPDX-License-Identifier: Apache-2.0
/*
 * What the Kubernetes API takes but warns of (GetWarningsForService): addresses that later releases
 * will refuse, IPv6 text that is not canonical (RFC 5952), fields that the type ignores.
 *
 * Addresses are judged as Go's net/netip does, with its words: stricter than the validation, which
 * for compatibility takes zeros in front of numbers.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/model/service_rules_impl.h"

struct teller {
	void (*tell)(void *arg, const char *text);
	void *arg;
};

static void __attribute__((format(printf, 2, 3))) warn(const struct teller *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	char *text = must_vtext(fmt, args);
	va_end(args);
	t->tell(t->arg, text);
	free(text);
}

/* --- netip.ParseAddr ----------------------------------------------------------------------------
 */

struct fault_at {
	const char *why; /* NULL: a good address */
	const char *at;  /* where in the text, or NULL */
};

static struct fault_at v4_fault(const char *s)
{
	unsigned value = 0, digits = 0, dots = 0;

	for (const char *c = s; *c != '\0'; c++) {
		if (isdigit((unsigned char)*c)) {
			if (digits == 1 && value == 0)
				return (struct fault_at){ "IPv4 field has octet with leading zero",
							  NULL };
			value = value * 10 + (unsigned)(*c - '0');
			digits++;
			if (value > 255)
				return (struct fault_at){ "IPv4 field has value >255", NULL };
		} else if (*c != '.') {
			return (struct fault_at){ "unexpected character", c };
		} else if (c == s || c[1] == '\0' || c[-1] == '.') {
			return (struct fault_at){ "IPv4 field must have at least one digit", c };
		} else if (dots++ == 3) {
			return (struct fault_at){ "IPv4 address too long", NULL };
		} else {
			value = digits = 0;
		}
	}
	return (struct fault_at){ dots < 3 ? "IPv4 address too short" : NULL, NULL };
}

/* One group at @s, its digits counted in *ret_len. */
static struct fault_at group_fault(const char *s, size_t *ret_len)
{
	*ret_len = strspn(s, "0123456789abcdefABCDEF");
	if (*ret_len > 4)
		return (struct fault_at){ "each group must have 4 or less digits", s };
	if (*ret_len == 0)
		return (struct fault_at){ "each colon-separated field must have at least one digit",
					  s };
	return (struct fault_at){ 0 };
}

/* The groups of an address without zone, *at moved behind those read. */
static struct fault_at groups_fault(const char **at, int *ret_bytes, bool *ret_ellipsis)
{
	const char *s = *at;
	size_t len;

	for (; *ret_bytes < 16; *at = s) {
		struct fault_at f = group_fault(s, &len);
		if (f.why != NULL)
			return f;
		if (s[len] == '.') {
			if (!*ret_ellipsis && *ret_bytes != 12)
				return (struct fault_at){ "embedded IPv4 address must replace the "
							  "final 2 fields of the address",
							  s };
			if (*ret_bytes > 12)
				return (struct fault_at){ "too many hex fields to fit an embedded "
							  "IPv4 at the end of the address",
							  s };
			*ret_bytes += 4;
			*at = s + strlen(s);
			return v4_fault(s);
		}
		*ret_bytes += 2;
		s += len;
		if (*s == '\0')
			break;
		if (*s != ':')
			return (struct fault_at){ "unexpected character, want colon", s };
		if (s[1] == '\0')
			return (struct fault_at){ "colon must be followed by more characters", s };
		s++;
		if (*s == ':') {
			if (*ret_ellipsis)
				return (struct fault_at){ "multiple :: in address", s };
			*ret_ellipsis = true;
			s++;
			if (*s == '\0')
				break;
		}
	}
	*at = s;
	return (struct fault_at){ 0 };
}

static struct fault_at v6_fault(const char *s)
{
	bool ellipsis = strncmp(s, "::", 2) == 0;
	int bytes = 0;

	if (ellipsis)
		s += 2;
	if (ellipsis && *s == '\0')
		return (struct fault_at){ 0 };
	struct fault_at f = groups_fault(&s, &bytes, &ellipsis);
	if (f.why != NULL)
		return f;
	if (*s != '\0')
		return (struct fault_at){ "trailing garbage after address", s };
	if (bytes < 16 && !ellipsis)
		return (struct fault_at){ "address string too short", NULL };
	if (bytes == 16 && ellipsis)
		return (struct fault_at){ "the :: must expand to at least one field of zeros",
					  NULL };
	return (struct fault_at){ 0 };
}

/* What ParseAddr() says of @text, or NULL; the caller frees it. */
static char *address_fault(const char *text)
{
	size_t before = strcspn(text, ".:%");
	char *plain = must(strdup(text)), *zone = strchr(plain, '%'), *said = NULL;
	struct fault_at f = { "unable to parse IP", NULL };

	if (text[before] == '.')
		f = v4_fault(plain);
	else if (text[before] == '%')
		f.why = "missing IPv6 address";
	else if (zone != NULL && zone[1] == '\0')
		f.why = "zone must be a non-empty string";
	else if (text[before] == ':') {
		if (zone != NULL)
			*zone = '\0';
		f = v6_fault(plain);
	}
	if (f.why != NULL) {
		char *quoted = go_quoted(text), *at = f.at == NULL ? NULL : go_quoted(f.at);

		said = must_text("ParseAddr(%s): %s%s%s%s", quoted, f.why,
				 at == NULL ? "" : " (at ", at == NULL ? "" : at,
				 at == NULL ? "" : ")");
		free(quoted);
		free(at);
	}
	free(plain);
	return said;
}

/* --- addresses and prefixes
 * ------------------------------------------------------------------------ */

/* Text of an IPv6 address, perhaps with more behind it, in canonical form; NULL: it is so already.
 */
static char *canonical(const char *text)
{
	size_t len = strcspn(text, "/%");
	char *address = must(strndup(text, len)), *whole = NULL, buf[IP_TEXT_MAX];
	struct ip_addr ip;

	if (ip_parse(address, &ip) == 0 && ip.family == IP_V6 &&
	    strcmp(ip_format(&ip, buf), address) != 0)
		whole = must_text("%s%s", buf, text + len);
	free(address);
	return whole;
}

static void warn_form(const struct teller *t, const char *field, const char *what, const char *text)
{
	char *better = canonical(text);

	if (better == NULL)
		return;
	char *quoted = go_quoted(text);
	warn(t,
	     "%s: IPv6 %s %s is not in RFC 5952 canonical format (\"%s\"), which may cause "
	     "controller apply-loops",
	     field, what, quoted, better);
	free(quoted);
	free(better);
}

static void warn_ip(const struct teller *t, const char *field, const char *text)
{
	char *fault = address_fault(text);

	if (fault != NULL)
		warn(t,
		     "%s: IP address was accepted, but will be invalid in a future Kubernetes "
		     "release: %s",
		     field, fault);
	else
		warn_form(t, field, "address", text);
	free(fault);
}

/* What ParsePrefix() says of the length behind the slash: validation has seen that it is in range.
 */
static bool has_bad_bits(const char *bits)
{
	return bits[strspn(bits, "0123456789")] != '\0' || (bits[0] == '0' && bits[1] != '\0');
}

static void warn_prefix(const struct teller *t, const char *field, const char *text)
{
	const char *slash = strrchr(text, '/');

	if (slash == NULL)
		return; /* validated before */
	char *address = must(strndup(text, (size_t)(slash - text)));
	char *fault = address_fault(address), *whole = go_quoted(text),
	     *bits = go_quoted(slash + 1);
	static const char start[] = "IP prefix was accepted, but will be invalid in a future "
				    "Kubernetes release: netip.ParsePrefix";
	if (fault != NULL)
		warn(t, "%s: %s(%s): %s", field, start, whole, fault);
	else if (has_bad_bits(slash + 1))
		warn(t, "%s: %s(%s): bad bits after slash: %s", field, start, whole, bits);
	else
		warn_form(t, field, "prefix", text);
	free(bits);
	free(whole);
	free(fault);
	free(address);
}

static void warn_list(const struct teller *t, const cJSON *spec, const char *name,
		      void (*each)(const struct teller *t, const char *field, const char *text))
{
	const cJSON *item;
	int i = 0;

	cJSON_ArrayForEach (item, rule_get(spec, name)) {
		char field[FIELD_MAX];

		snprintf(field, sizeof(field), "spec.%s[%d]", name, i++);
		each(t, field, item->valuestring);
	}
}

/* --- all of them
 * -------------------------------------------------------------------------------------- */

void service_rules_warn(const cJSON *service, void (*tell)(void *arg, const char *text), void *arg)
{
	const struct teller t = { tell, arg };
	const cJSON *spec = rule_get(service, "spec");
	const cJSON *annotations = rule_get(rule_get(service, "metadata"), "annotations");
	const char *lb_ip = rule_text(spec, "loadBalancerIP");

	if (rule_get(annotations, "service.kubernetes.io/topology-aware-hints") != NULL)
		warn(&t, "annotation service.kubernetes.io/topology-aware-hints is deprecated, "
			 "please use service.kubernetes.io/topology-mode instead");
	if (has_cluster_ip(spec) && !is_headless(spec))
		warn_list(&t, spec, "clusterIPs", warn_ip);
	warn_list(&t, spec, "externalIPs", warn_ip);
	if (lb_ip[0] != '\0')
		warn_ip(&t, "spec.loadBalancerIP", lb_ip);
	warn_list(&t, spec, "loadBalancerSourceRanges", warn_prefix);
	if (!has_cluster_ip(spec) && rule_count(spec, "externalIPs") > 0)
		warn(&t, "spec.externalIPs is ignored when spec.type is \"ExternalName\"");
	if (has_cluster_ip(spec) && rule_text(spec, "externalName")[0] != '\0')
		warn(&t, "spec.externalName is ignored when spec.type is not \"ExternalName\"");
}
