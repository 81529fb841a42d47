// SPDX-License-Identifier: Apache-2.0
#include "lib/model/name_rules.h"

#include <ctype.h>
#include <string.h>

bool name_is_label(const char *s, size_t len, size_t max)
{
	if (len == 0 || len > max || s[0] == '-' || s[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) && s[i] != '-')
			return false;
	return true;
}

bool name_is_subdomain(const char *s, size_t len, size_t label_max)
{
	if (len == 0 || len > NAME_SUBDOMAIN_MAX)
		return false;
	for (size_t from = 0; from <= len;) {
		size_t n = 0;

		while (from + n < len && s[from + n] != '.')
			n++;
		if (!name_is_label(s + from, n, label_max))
			return false;
		from += n + 1;
	}
	return true;
}

bool name_is_word(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > NAME_LABEL_MAX || !isalnum((unsigned char)s[0]) ||
	    !isalnum((unsigned char)s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && strchr("-_.", s[i]) == NULL)
			return false;
	return true;
}

bool name_is_qualified(const char *s, size_t label_max)
{
	const char *slash = strchr(s, '/');

	if (slash == NULL)
		return name_is_word(s);
	return name_is_subdomain(s, (size_t)(slash - s), label_max) && name_is_word(slash + 1);
}
