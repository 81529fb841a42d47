// SPDX-License-Identifier: Apache-2.0
/*
 * YAML files: libyaml's events into cJSON trees, a line for each node.
 *
 * Plain scalars mean what they mean to kubectl (sigs.k8s.io/yaml, which resolves YAML 1.1):
 * yes, no, on and off are booleans, 0x1f and 017 are numbers, dates stay texts. An alias is a
 * copy of what its anchor marks; copies together are bounded, so that a few lines cannot
 * become gigabytes. An anchor counts from its end on, so nothing can hold itself.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/model/doc_read.h"

#define COPIED_BYTES_MAX   (16u << 20) /* what all aliases of a file may add */
#define MERGED_MEMBERS_MAX 1000        /* of one map, by "<<" */

struct anchor {
	char *name;
	const cJSON *node;
};

/* A map or list that is not complete yet. */
struct frame {
	cJSON *node;
	cJSON *merge; /* the value of "<<" */
	char *key;    /* of the next value; NULL: a key comes next */
	unsigned line;
	char *anchor;
};

struct builder {
	struct doc *doc;
	struct faults *faults;
	struct doc_roots *roots;
	struct frame stack[DOC_DEPTH_MAX];
	size_t depth;
	struct anchors {
		ARRAY_OF(struct anchor);
	} anchors;
	size_t copied;
};

static int refuse(const struct builder *b, unsigned line, const char *why)
{
	faults_add(b->faults, false, b->doc->file, line, "", "%s", why);
	return -EBADMSG;
}

/* --- scalars ---------------------------------------------------------------------------- */

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

/* Digits of @base, at least one, to the end of @text. */
static bool all_digits(const char *text, int base)
{
	const char *set = base == 16  ? "0123456789abcdefABCDEF"
			  : base == 8 ? "01234567"
			  : base == 2 ? "01"
				      : "0123456789";

	return *text != '\0' && text[strspn(text, set)] == '\0';
}

/* [-+]? ( .5 | 5 | 5. | 5.5 ) ( [eE] [-+]? 5 )? to the end of @text */
static bool is_float(const char *text)
{
	text += *text == '-' || *text == '+';
	size_t whole = strspn(text, "0123456789"), fraction = 0;
	text += whole;
	if (*text == '.') {
		fraction = strspn(++text, "0123456789");
		text += fraction;
	}
	if (whole + fraction == 0)
		return false;
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '-' || *text == '+';
		return all_digits(text, 10);
	}
	return *text == '\0';
}

static cJSON *number_of(const char *text)
{
	char plain[64];
	size_t n = 0;

	/* No number is longer, short of ones that nobody could use. */
	if (strchr("+-.0123456789", *text) == NULL || strlen(text) >= sizeof(plain))
		return NULL;
	for (const char *c = text; *c != '\0'; c++)
		if (*c != '_')
			plain[n++] = *c;
	plain[n] = '\0';

	bool negative = plain[0] == '-';
	const char *digits = plain + (plain[0] == '-' || plain[0] == '+');
	int base = 10;
	if (digits[0] == '0' && digits[1] != '\0') {
		char mark = digits[1] | 0x20;
		base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
		if (mark == 'x' || mark == 'b' || mark == 'o')
			digits += 2;
	}
	if (all_digits(digits, base)) {
		if (base == 10) /* the sign belongs to it, a plus does not */
			return doc_integer(negative ? plain : digits);
		errno = 0;
		uint64_t value = strtoull(digits, NULL, base);
		if (errno == 0) {
			char decimal[32];
			snprintf(decimal, sizeof(decimal), "%s%llu", negative ? "-" : "",
				 (unsigned long long)value);
			return doc_integer(decimal);
		}
		return NULL;
	}
	return is_float(plain) ? cJSON_CreateNumber(strtod(plain, NULL)) : NULL;
}

static cJSON *scalar_of(const char *text, bool plain)
{
	static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes", "YES",
					   "on",   "On",   "ON",   "y",   "Y",   NULL };
	static const char *const no[] = { "false", "False", "FALSE", "no", "No", "NO",
					  "off",   "Off",   "OFF",   "n",  "N",  NULL };
	static const char *const null[] = { "", "~", "null", "Null", "NULL", NULL };

	if (plain) {
		if (is_one_of(text, null))
			return cJSON_CreateNull();
		if (is_one_of(text, yes))
			return cJSON_CreateTrue();
		if (is_one_of(text, no))
			return cJSON_CreateFalse();
		cJSON *number = number_of(text);
		if (number != NULL)
			return number;
	}
	return cJSON_CreateString(text);
}

static bool is_plain(const yaml_event_t *e)
{
	const char *tag = (const char *)e->data.scalar.tag;

	if (tag != NULL) /* !!str says text; !!int and its like say what plain ones are */
		return strcmp(tag, YAML_INT_TAG) == 0 || strcmp(tag, YAML_BOOL_TAG) == 0 ||
		       strcmp(tag, YAML_FLOAT_TAG) == 0 || strcmp(tag, YAML_NULL_TAG) == 0;
	return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* --- anchors ---------------------------------------------------------------------------- */

static int anchor_set(struct builder *b, char *name, const cJSON *node)
{
	struct anchor *a = name == NULL ? NULL : array_push(&b->anchors);

	if (name == NULL)
		return 0;
	if (a == NULL) {
		free(name);
		return -ENOMEM;
	}
	*a = (struct anchor){ name, node };
	return 0;
}

static void anchors_forget(struct builder *b)
{
	for (size_t i = 0; i < b->anchors.count; i++)
		free(b->anchors.items[i].name);
	array_free(&b->anchors);
}

/* A copy with the lines of the original, since that is what a user has to mend. */
static cJSON *copy_tree(struct builder *b, const cJSON *from, size_t depth)
{
	b->copied += sizeof(*from) + (from->string == NULL ? 0 : strlen(from->string)) +
		     (from->valuestring == NULL ? 0 : strlen(from->valuestring));
	if (b->copied > COPIED_BYTES_MAX || depth > DOC_DEPTH_MAX)
		return NULL;
	cJSON *copy = cJSON_Duplicate(from, false);
	if (copy == NULL || doc_note(b->doc, copy, doc_line(b->doc, from)) != 0) {
		cJSON_Delete(copy);
		return NULL;
	}
	for (const cJSON *j = from->child; j != NULL; j = j->next) {
		cJSON *child = copy_tree(b, j, depth + 1);
		if (child == NULL) {
			cJSON_Delete(copy);
			return NULL;
		}
		if (cJSON_IsArray(from)) {
			cJSON_AddItemToArray(copy, child);
		} else {
			cJSON_AddItemToObject(copy, j->string, child);
		}
	}
	return copy;
}

static int alias_copy(struct builder *b, const char *name, unsigned line, cJSON **ret)
{
	const cJSON *node = NULL;

	for (size_t i = b->anchors.count; i-- > 0 && node == NULL;)
		if (strcmp(b->anchors.items[i].name, name) == 0)
			node = b->anchors.items[i].node;
	if (node == NULL)
		return refuse(b, line, "an alias without its anchor before it");
	*ret = copy_tree(b, node, b->depth);
	return *ret != NULL ? 0 : refuse(b, line, "aliases that grow too large or too deep");
}

/* --- trees ------------------------------------------------------------------------------ */

/* Add the members of @from that @map lacks. */
static int merge_map(struct builder *b, cJSON *map, const cJSON *from, size_t *merged)
{
	for (const cJSON *j = from->child; j != NULL; j = j->next) {
		if (++*merged > MERGED_MEMBERS_MAX)
			return -E2BIG;
		if (cJSON_GetObjectItemCaseSensitive(map, j->string) != NULL)
			continue;
		cJSON *copy = copy_tree(b, j, b->depth);
		if (copy == NULL)
			return -E2BIG;
		cJSON_AddItemToObject(map, j->string, copy);
	}
	return 0;
}

/* "<<": one map, or a list of them where the first one wins; own members win over all. */
static int merge_apply(struct builder *b, const struct frame *f)
{
	size_t merged = 0;
	int rc = 0;

	if (cJSON_IsObject(f->merge)) {
		rc = merge_map(b, f->node, f->merge, &merged);
	} else {
		if (!cJSON_IsArray(f->merge))
			return refuse(b, f->line, "\"<<\" takes a map or a list of maps");
		for (const cJSON *j = f->merge->child; rc == 0 && j != NULL; j = j->next) {
			if (!cJSON_IsObject(j))
				return refuse(b, f->line, "\"<<\" takes a map or a list of maps");
			rc = merge_map(b, f->node, j, &merged);
		}
	}
	return rc == 0 ? 0 : refuse(b, f->line, "\"<<\" merges too much");
}

/* Put a complete value where it belongs; it is freed on failure. */
static int place(struct builder *b, cJSON *node, unsigned line)
{
	if (b->depth == 0) {
		cJSON **slot = array_push(b->roots);
		if (slot == NULL) {
			cJSON_Delete(node);
			return -ENOMEM;
		}
		*slot = node;
		return 0;
	}
	struct frame *f = &b->stack[b->depth - 1];
	if (cJSON_IsArray(f->node)) {
		cJSON_AddItemToArray(f->node, node);
		return 0;
	}
	assert(f->key != NULL); /* on_scalar() or wants_key() saw to it */
	if (strcmp(f->key, "<<") == 0) {
		free(f->key);
		f->key = NULL;
		bool again = f->merge != NULL;
		f->merge = node;
		int rc = doc_keep(b->doc, node); /* an anchor may point into it */
		return rc == 0 && again ? refuse(b, line, "\"<<\" is there twice") : rc;
	}
	cJSON_AddItemToObject(f->node, f->key, node);
	free(f->key);
	f->key = NULL;
	return 0;
}

/* In a map, the next value is a key, which must be a scalar. */
static bool wants_key(const struct builder *b)
{
	return b->depth > 0 && cJSON_IsObject(b->stack[b->depth - 1].node) &&
	       b->stack[b->depth - 1].key == NULL;
}

static int on_scalar(struct builder *b, const yaml_event_t *e, unsigned line)
{
	const char *text = (const char *)e->data.scalar.value;
	const char *anchor = (const char *)e->data.scalar.anchor;

	if (strlen(text) != e->data.scalar.length)
		return refuse(b, line, "a text must not hold NUL");
	if (wants_key(b)) {
		char *key = strdup(text);
		b->stack[b->depth - 1].key = key;
		return key == NULL ? -ENOMEM : 0;
	}
	cJSON *node = scalar_of(text, is_plain(e));
	if (node == NULL || doc_note(b->doc, node, line) != 0) {
		cJSON_Delete(node);
		return -ENOMEM;
	}
	int rc = place(b, node, line);
	return rc != 0 || anchor == NULL ? rc : anchor_set(b, strdup(anchor), node);
}

static int on_start(struct builder *b, bool map, const yaml_char_t *anchor, unsigned line)
{
	if (wants_key(b))
		return refuse(b, line, "a key must be a text");
	if (b->depth == DOC_DEPTH_MAX)
		return refuse(b, line, "nested too deep");
	struct frame *f = &b->stack[b->depth];
	*f = (struct frame){ .node = map ? cJSON_CreateObject() : cJSON_CreateArray(),
			     .line = line };
	if (f->node == NULL || doc_note(b->doc, f->node, line) != 0) {
		cJSON_Delete(f->node);
		return -ENOMEM;
	}
	f->anchor = anchor == NULL ? NULL : strdup((const char *)anchor);
	b->depth++;
	return 0;
}

static int on_end(struct builder *b)
{
	struct frame f = b->stack[b->depth - 1];
	int rc = 0;

	if (cJSON_IsObject(f.node)) {
		rc = doc_check_keys(b->doc, f.node, b->faults);
		if (rc == 0 && f.merge != NULL)
			rc = merge_apply(b, &f);
	}
	if (rc != 0)
		return rc; /* the frame is still on the stack and freed with it */
	b->depth--;
	rc = place(b, f.node, f.line);
	if (rc != 0)
		free(f.anchor);
	else
		rc = anchor_set(b, f.anchor, f.node);
	return rc;
}

static int on_event(struct builder *b, const yaml_event_t *e)
{
	unsigned line = (unsigned)e->start_mark.line + 1;
	cJSON *copy = NULL;
	int rc;

	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(b, e, line);
	case YAML_ALIAS_EVENT:
		if (wants_key(b))
			return refuse(b, line, "a key must be a text");
		rc = alias_copy(b, (const char *)e->data.alias.anchor, line, &copy);
		return rc != 0 ? rc : place(b, copy, line);
	case YAML_MAPPING_START_EVENT:
		return on_start(b, true, e->data.mapping_start.anchor, line);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(b, false, e->data.sequence_start.anchor, line);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return on_end(b);
	case YAML_DOCUMENT_END_EVENT:
		anchors_forget(b);
		return 0;
	default:
		return 0;
	}
}

static int syntax_error(const struct builder *b, const yaml_parser_t *p)
{
	/* A fault of the encoding has no mark of its own. */
	size_t line = p->error == YAML_READER_ERROR ? p->mark.line : p->problem_mark.line;

	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	faults_add(b->faults, false, b->doc->file, (unsigned)line + 1, "", "syntax error: %s",
		   p->problem == NULL ? "this is not YAML" : p->problem);
	return -EBADMSG;
}

int doc_read_yaml(struct doc *d, const char *text, size_t len, struct faults *faults,
		  struct doc_roots *ret)
{
	struct builder b = { .doc = d, .faults = faults, .roots = ret };
	yaml_parser_t parser;
	bool end = false;
	int rc = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (rc == 0 && !end) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			rc = syntax_error(&b, &parser);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		rc = on_event(&b, &event);
		yaml_event_delete(&event);
	}
	while (b.depth > 0) {
		struct frame *f = &b.stack[--b.depth];
		cJSON_Delete(f->node);
		free(f->key);
		free(f->anchor);
	}
	anchors_forget(&b);
	yaml_parser_delete(&parser);
	return rc;
}
