// SPDX-License-Identifier: Apache-2.0
/* Files into memory; what is in them is read by doc.c and its readers. */
#include <errno.h>
#include <stdlib.h>

#include "lib/model/doc_read.h"
#include "lib/model/file_io.h"

static int load_with(int (*load_text)(const char *path, const char *text, size_t len,
				      struct faults *faults, struct doc **ret),
		     const char *path, struct faults *faults, struct doc **ret)
{
	char *text = NULL;
	size_t len = 0;
	int rc = file_read(path, DOC_SIZE_MAX, &text, &len);

	if (rc != 0) {
		faults_add(faults, false, path, 0, "", "cannot be read: %s", file_error(rc));
		return -EBADMSG;
	}
	rc = load_text(path, text, len, faults, ret);
	free(text);
	return rc;
}

int doc_load(const char *path, struct faults *faults, struct doc **ret)
{
	return load_with(doc_load_text, path, faults, ret);
}

int doc_load_tree(const char *path, struct faults *faults, struct doc **ret)
{
	return load_with(doc_load_tree_text, path, faults, ret);
}
