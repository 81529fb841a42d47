// SPDX-License-Identifier: Apache-2.0
/* Causes that only the API server's kinds have, and small readers. */
#include <stdarg.h>
#include <stdio.h>

#include "lib/model/json.h"
#include "standalone/apiserver/admit_impl.h"

struct field_name field_name(const char *fmt, ...)
{
	struct field_name name;
	va_list args;

	va_start(args, fmt);
	vsnprintf(name.text, sizeof(name.text), fmt, args);
	va_end(args);
	return name;
}

void cause_required_why(struct rule_causes *causes, const char *field, const char *why)
{
	causes_add(causes, "FieldValueRequired", field, "Required value: %s", why);
}

void cause_too_many(struct rule_causes *causes, const char *field, int count, int max)
{
	causes_add(causes, "FieldValueTooMany", field, "Too many: %d: must have at most %d items",
		   count, max);
}

void cause_too_long(struct rule_causes *causes, const char *field, int max)
{
	causes_add(causes, "FieldValueTooLong", field, "Too long: may not be more than %d bytes",
		   max);
}

bool same_field(const cJSON *object, const cJSON *old, const char *path)
{
	const cJSON *a = js_at(object, path), *b = js_at(old, path);

	return a == NULL || b == NULL ? a == b : json_equal(a, b);
}

const char *text_at(const cJSON *object, const char *path)
{
	const char *text = js_text(object, path);

	return text == NULL ? "" : text;
}
