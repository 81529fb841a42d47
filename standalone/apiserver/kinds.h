// SPDX-License-Identifier: Apache-2.0
/*
 * The kinds that the API server keeps: a table of built-in ones, and those that
 * CustomResourceDefinition objects add.
 *
 * A kind is never freed before the server ends, only marked gone: watchers and the
 * history point to it.
 */
#ifndef BELLMAN_APISERVER_KINDS_H
#define BELLMAN_APISERVER_KINDS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

enum kind_id {
	KIND_CUSTOM,
	KIND_NAMESPACE,
	KIND_NODE,
	KIND_SERVICE,
	KIND_ENDPOINTS, /* not stored: derived from EndpointSlices */
	KIND_ENDPOINT_SLICE,
	KIND_POD,
	KIND_CONFIG_MAP,
	KIND_SECRET,
	KIND_SERVICE_ACCOUNT,
	KIND_LEASE,
	KIND_EVENT,
	KIND_INGRESS,
	KIND_INGRESS_CLASS,
	KIND_CRD,
};

struct object_type;

/* One column of `kubectl get`, from a CRD's additionalPrinterColumns. */
struct column {
	const char *name, *type, *format, *description, *path;
	int priority;
};

/*
 * The columns of a version as of one definition. Who shows several rows holds them, so that rows
 * and heads have the same ones whatever becomes of the definition meanwhile.
 */
struct columns {
	unsigned refs, count;
	struct column items[];
};

struct columns *columns_ref(struct columns *c);   /* NULL is fine */
struct columns *columns_unref(struct columns *c); /* NULL is fine; returns NULL */

struct kind_version {
	const char *name;
	bool served, status;     /* status: it has the status subresource */
	const char *warning;     /* what its users are told; NULL: it is not deprecated */
	struct columns *columns; /* of a custom kind; NULL: NAME and AGE */
};

struct kind {
	enum kind_id id;
	unsigned order;       /* of registration: the store sorts by it */
	const char *group;    /* "" for core */
	const char *plural;   /* services */
	const char *singular; /* service */
	const char *name;     /* Service */
	const char *list;     /* ServiceList */
	const char
		*resource; /* plural.group, or plural for core: what messages and the store say */
	const char *const *short_names; /* NULL behind the last */
	const char *const *categories;  /* such as "all"; the same */
	bool namespaced;
	bool gone; /* its CustomResourceDefinition was deleted, or waits for its names */
	/* Held by pointer: one that was dropped stays, unserved. */
	struct kind_version *const *versions;
	unsigned version_count;
	unsigned storage; /* index of the version that objects are stored in */
	struct kind *next;
	const struct object_type *type; /* its fields, see types.h */
};

struct kinds {
	struct kind *first, **last;
	unsigned count;
};

void kinds_init(struct kinds *k);
void kinds_done(struct kinds *k);

/* By group, version and plural; *ret_version gets the version. NULL: not served. */
const struct kind *kinds_find(const struct kinds *k, const char *group, const char *version,
			      const char *plural, const struct kind_version **ret_version);
/* By the name the store uses, gone ones too. */
const struct kind *kinds_by_resource(const struct kinds *k, const char *resource);
const struct kind *kinds_builtin(const struct kinds *k, enum kind_id id);
/* By apiVersion and kind of a manifest. */
const struct kind *kinds_by_object(const struct kinds *k, const char *api_version, const char *name,
				   const struct kind_version **ret_version);

/* Kubernetes' order of versions: v2, v1, v1beta2, v1beta1, v1alpha1; greater is preferred. */
int kind_version_rank(const char *version);

/* "v1" or "group/v1" into @buf. */
const char *kind_api_version(const struct kind *kind, const char *version, char *buf, size_t size);

/*
 * Take over what a checked CustomResourceDefinition says: a new kind, or the same one changed
 * (columns, versions). Returns the kind.
 */
const struct kind *kinds_define(struct kinds *k, const cJSON *crd);
void kinds_undefine(struct kinds *k, const char *resource);

#endif
