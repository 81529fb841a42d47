// SPDX-License-Identifier: Apache-2.0
/* What the files of admit.h share: the kinds that have a file of their own. */
#ifndef BELLMAN_APISERVER_ADMIT_IMPL_H
#define BELLMAN_APISERVER_ADMIT_IMPL_H

#include "standalone/apiserver/admit.h"

/* As admit(). */
cJSON *admit_service(struct api *a, const struct kind *kind, cJSON *object, const cJSON *old,
		     bool status);

#endif
