// SPDX-License-Identifier: Apache-2.0
#include "speaker/exclude_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/doc.h"
#include "lib/model/file_io.h"

#define FILE_MAX (64 * 1024)

static int join_alternatives(const cJSON *list, char **ret, char *err, size_t err_size)
{
	const cJSON *item;
	size_t size = 0;
	int rc = 0;

	FILE *to = open_memstream(ret, &size);
	if (to == NULL)
		return -ENOMEM;
	cJSON_ArrayForEach (item, list) {
		const char *text = cJSON_GetStringValue(item);
		if (text == NULL || text[0] == '\0')
			rc = -EINVAL;
		else
			fprintf(to, "%s(%s)", item == list->child ? "" : "|", text);
	}
	if (fclose(to) != 0)
		rc = -ENOMEM;
	if (rc == 0)
		return 0;
	snprintf(err, err_size, "announcedInterfacesToExclude: an entry is no expression");
	free(*ret);
	*ret = NULL;
	return rc;
}

int exclude_read(const char *path, char **ret, char *err, size_t err_size)
{
	char *text;
	size_t len;
	int rc = file_read(path, FILE_MAX, &text, &len);

	if (rc == -ENOENT) {
		*ret = NULL;
		return 0;
	}
	if (rc < 0) {
		snprintf(err, err_size, "%s", file_error(rc));
		return rc;
	}
	cJSON *root = doc_parse_yaml(text, len, err, err_size);
	free(text);
	if (root == NULL)
		return -EINVAL;
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "announcedInterfacesToExclude");
	if (cJSON_GetArraySize(list) > 0)
		rc = join_alternatives(list, ret, err, err_size);
	else
		*ret = NULL;
	cJSON_Delete(root);
	return rc;
}
