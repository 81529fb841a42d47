// SPDX-License-Identifier: Apache-2.0
/* What is said of the election, in the log and by events of the Lease: each thing once. */
#ifndef BELLMAN_ALLOCATOR_LEAD_WORDS_IO_H
#define BELLMAN_ALLOCATOR_LEAD_WORDS_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "allocator/identity_io.h"
#include "lib/kube/kube.h"

struct lead_words {
	struct kube *kube;                 /* borrowed, as the next three are */
	const char *ns, *lease, *identity; /* the Lease's namespace and name, and who we are */
	char leader[IDENTITY_MAX];         /* that was last named, cut to that length */
	bool unheld;                       /* said */
	char trouble[512];                 /* "": none */
};

/* We lead, or do no longer. */
void lead_say(struct lead_words *w, bool leads);
/* Who holds the Lease now; "" for nobody. */
void lead_name_holder(struct lead_words *w, const char *holder);
/* Nobody holds the Lease, nobody gave it back, and it is waited for @wait_ns; 0: it is not so. */
void lead_say_unheld(struct lead_words *w, uint64_t wait_ns);
/*
 * No leader can be elected here, and @why, with the @status of the answer that said so; NULL: it
 * can be. Also kept, in w->trouble.
 */
void lead_set_trouble(struct lead_words *w, int status, const char *why);

#endif
