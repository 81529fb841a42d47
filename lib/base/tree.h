// SPDX-License-Identifier: Apache-2.0
/*
 * Red-black trees: the macros of sys/tree.h (libbsd), and one to generate a file's
 * own copy without warnings about the operations that it does not use.
 */
#ifndef BELLMAN_BASE_TREE_H
#define BELLMAN_BASE_TREE_H

#include <sys/tree.h>

/* As RB_GENERATE_STATIC, which in libbsd needs a macro that glibc does not define. */
#define TREE_GENERATE(name, type, field, cmp)                                                      \
	RB_GENERATE_INTERNAL(name, type, field, cmp, static __attribute__((__unused__)))

#endif
