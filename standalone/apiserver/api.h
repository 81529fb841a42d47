// SPDX-License-Identifier: Apache-2.0
/* What the parts of the API server share. */
#ifndef BELLMAN_APISERVER_API_H
#define BELLMAN_APISERVER_API_H

#include "lib/base/array.h"
#include "lib/model/service_rules.h"
#include "standalone/apiserver/kinds.h"
#include "standalone/apiserver/store.h"

/* An object by name, for what must outlive it. */
struct key {
	const struct kind *kind;
	const char *ns, *name; /* interned */
};
struct keys {
	ARRAY_OF(struct key);
};

struct api {
	struct kinds kinds;
	struct store *store;
	struct service_books *books;
	struct endpoints *endpoints; /* which slices Services have, see endpoints.h */
	struct keys ending;          /* namespaces and definitions that go once they are empty */
	struct owner_gone *gone;     /* owners whose dependents are still to be let go, or NULL */
	bool letting_go;             /* that is under way */
};

#endif
