// SPDX-License-Identifier: Apache-2.0
/*
 * Running out of memory ends the allocator: with books that could not be kept, an address
 * might be given twice. After a restart everything is read again from the Services.
 */
#ifndef BELLMAN_ALLOCATOR_MUST_H
#define BELLMAN_ALLOCATOR_MUST_H

#include <stdlib.h>

static inline void *must(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

static inline void must_0(int rc)
{
	if (rc != 0)
		abort();
}

#endif
