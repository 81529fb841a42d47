// SPDX-License-Identifier: Apache-2.0
/* Files into memory; what is in them is read by doc.c and its readers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/doc_read.h"

/* All of @f, which may be a pipe. Returns 0 or negative errno; *ret is the caller's. */
static int read_all(FILE *f, char **ret, size_t *ret_len)
{
	size_t room = 64 << 10, len = 0;
	char *text = malloc(room);

	while (text != NULL) {
		len += fread(text + len, 1, room - len, f);
		if (len < room)
			break;
		char *bigger = room >= DOC_SIZE_MAX ? NULL : realloc(text, room * 2);
		if (bigger == NULL) {
			free(text);
			return room >= DOC_SIZE_MAX ? -EFBIG : -ENOMEM;
		}
		text = bigger;
		room *= 2;
	}
	if (text == NULL)
		return -ENOMEM;
	if (ferror(f)) {
		int rc = errno != 0 ? -errno : -EIO;
		free(text);
		return rc;
	}
	*ret = text;
	*ret_len = len;
	return 0;
}

int doc_load(const char *path, struct faults *faults, struct doc **ret)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t len = 0;

	int rc = f == NULL ? -errno : read_all(f, &text, &len);
	if (f != NULL)
		fclose(f);
	if (rc != 0) {
		faults_add(faults, false, path, 0, "", "cannot be read: %s", strerror(-rc));
		return -EBADMSG;
	}
	rc = doc_load_text(path, text, len, faults, ret);
	free(text);
	return rc;
}
