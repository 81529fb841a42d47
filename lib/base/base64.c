// SPDX-License-Identifier: Apache-2.0
#include "lib/base/base64.h"

#include <errno.h>
#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

int base64_bytes(const char *text, char **ret, size_t *ret_len)
{
	struct base64_decode_ctx decode;
	size_t len = BASE64_DECODE_LENGTH(strlen(text));
	char *bytes = malloc(len + 1);

	if (bytes == NULL)
		return -ENOMEM;
	base64_decode_init(&decode);
	if (!base64_decode_update(&decode, &len, (uint8_t *)bytes, strlen(text), text) ||
	    !base64_decode_final(&decode) || len == 0) {
		explicit_bzero(bytes, BASE64_DECODE_LENGTH(strlen(text)));
		free(bytes);
		return -EINVAL;
	}
	bytes[len] = '\0';
	*ret = bytes;
	*ret_len = len;
	return 0;
}
