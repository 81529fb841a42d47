// SPDX-License-Identifier: Apache-2.0
/* In what form objects go out: what the client takes, and metadata alone. */
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/rest_impl.h"

/* --- the Accept header (RFC 9110 section 12.5.1), in order and without weights --------- */

/* Up to the next of @ends; blanks around it are none of it. */
struct span {
	const char *at;
	size_t len;
};

static struct span take(const char **from, const char *ends)
{
	struct span s = { *from + strspn(*from, " \t"), 0 };

	s.len = strcspn(s.at, ends);
	*from = s.at + s.len;
	while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static bool is(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

/* One type with its parameters. False: it is none that there is. */
static bool take_type(const char **from, struct view *v)
{
	struct span type = take(from, ",;"), as = { "", 0 }, group = as, version = as;

	while (**from == ';') {
		++*from;
		struct span p = take(from, ",;");

		if (p.len > 3 && memcmp(p.at, "as=", 3) == 0)
			as = (struct span){ p.at + 3, p.len - 3 };
		else if (p.len > 2 && memcmp(p.at, "g=", 2) == 0)
			group = (struct span){ p.at + 2, p.len - 2 };
		else if (p.len > 2 && memcmp(p.at, "v=", 2) == 0)
			version = (struct span){ p.at + 2, p.len - 2 };
	}
	if (!is(type, "application/json") && !is(type, "application/*") && !is(type, "*/*"))
		return false;
	if (as.len == 0)
		return true;
	v->as = is(as, "Table")                       ? AS_TABLE
		: is(as, "PartialObjectMetadata")     ? AS_METADATA
		: is(as, "PartialObjectMetadataList") ? AS_METADATA_LIST
						      : AS_OBJECT;
	v->meta_version = is(version, "v1beta1") ? "v1beta1" : "v1";
	return v->as != AS_OBJECT && is(group, "meta.k8s.io") && is(version, v->meta_version);
}

bool rest_view(const struct request *q, struct view *ret)
{
	const char *include = rest_param(q, "includeObject");
	const char *at = q->accept == NULL || q->accept[0] == '\0' ? "*/*" : q->accept;
	struct view v;

	for (;;) {
		v = (struct view){ .meta_version = "v1" };
		if (take_type(&at, &v))
			break;
		if (*at++ == '\0')
			return false;
	}
	if (include != NULL)
		v.include = strcmp(include, "Object") == 0 ? INCLUDE_OBJECT
			    : strcmp(include, "None") == 0 ? INCLUDE_NONE
							   : INCLUDE_METADATA;
	*ret = v;
	return true;
}

/* --- metadata alone -------------------------------------------------------------------- */

cJSON *view_metadata(const struct view *v, const cJSON *object)
{
	cJSON *partial = cJSON_CreateObject();
	char *api_version = mem_printf("meta.k8s.io/%s", v->meta_version);

	js_set_text(partial, "kind", "PartialObjectMetadata");
	js_set_text(partial, "apiVersion", api_version);
	free(api_version);
	js_set(partial, "metadata", cJSON_Duplicate(js_at(object, "metadata"), 1));
	return partial;
}

struct text *view_text(const struct view *v, const struct kind *kind,
		       const struct kind_version *version, struct text *stored)
{
	if (v->as != AS_METADATA && v->as != AS_METADATA_LIST)
		return rest_convert(kind, version, stored);
	cJSON *object = js_parse(stored->bytes, stored->len), *partial = view_metadata(v, object);
	struct text *t = js_print(partial);

	cJSON_Delete(partial);
	cJSON_Delete(object);
	return t;
}
