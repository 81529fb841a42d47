// SPDX-License-Identifier: Apache-2.0
/*
 * Documents: configuration files and manifests as cJSON trees that remember lines.
 *
 * Everything that describes the cluster or asks something of Bellman ends as one
 * shape, the JSON of a Kubernetes object, so that there is one set of decoders and
 * rules: libconfig files become the custom resources they stand for, YAML and JSON
 * manifests become their objects, and objects of the API already are.
 */
#ifndef BELLMAN_MODEL_DOC_H
#define BELLMAN_MODEL_DOC_H

#include "lib/base/array.h"
#include "lib/model/fault.h"

#include <cjson/cJSON.h>

struct doc; /* one file's objects and the line of each of their nodes */

/*
 * Where a node of a tree was written. A zeroed `where` means the API: no file, line 0.
 * Passed by value next to a tree; borrows the doc.
 */
struct where {
	const struct doc *doc;
	const char *base; /* what field paths start with, e.g. "pools[0]"; NULL for none */
};

/* The line of @node, or of its nearest ancestor known; 0 without a doc. */
unsigned doc_line(const struct doc *d, const cJSON *node);
const char *doc_file(const struct doc *d); /* "" for NULL */
/* Is it libconfig, where entries are flat and hold Bellman's own fields by name? False for NULL. */
bool doc_is_config_file(const struct doc *d);

/* One object of a file: a Kubernetes object, `List` kinds already taken apart. */
struct doc_object {
	cJSON *json; /* owned by the doc */
	struct where where;
};

struct doc_objects {
	ARRAY_OF(struct doc_object);
};

/*
 * Read a file by its ending: .yaml .yml .json are manifests (several documents,
 * `List` kinds, anchors), all else is libconfig (contracts: Configuration file).
 * Entries of a libconfig list become objects of the custom resource's kind
 * (apiVersion metallb.io/v1beta1 or v1beta2 for BGPPeer, metadata.name, .labels, spec);
 * `settings` becomes an object of kind Settings, apiVersion bellman.io/v1.
 *
 * A file that cannot be read or has a syntax error is one fault and -EBADMSG;
 * otherwise 0 and *ret belongs to the caller (doc_free). Faults of the libconfig
 * form (unknown list, an integer beyond 63 bits) are added and reading goes on.
 */
int doc_load(const char *path, struct faults *faults, struct doc **ret);
/* The same from memory, for the fuzzer and tests. @path gives the ending and the name in faults. */
int doc_load_text(const char *path, const char *text, size_t len, struct faults *faults,
		  struct doc **ret);
const struct doc_objects *doc_objects(const struct doc *d);

/*
 * Read a libconfig file that is no configuration as the one tree that it is: a map of its settings,
 * which goes with the doc. Errors as doc_load().
 */
int doc_load_tree(const char *path, struct faults *faults, struct doc **ret);
int doc_load_tree_text(const char *path, const char *text, size_t len, struct faults *faults,
		       struct doc **ret);
const cJSON *doc_tree(const struct doc *d);

struct doc *doc_free(struct doc *d); /* NULL is fine; returns NULL */

/* YAML or JSON text into one tree, for kubeconfig and the like. NULL and a message in @err. */
cJSON *doc_parse_yaml(const char *text, size_t len, char *err, size_t err_size);

/* Add a fault at @node. @field is appended to where.base with a dot between. */
void doc_fault(struct where where, const cJSON *node, struct faults *faults, const char *field,
	       const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void doc_warn(struct where where, const cJSON *node, struct faults *faults, const char *field,
	      const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
