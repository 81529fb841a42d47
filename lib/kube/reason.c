// SPDX-License-Identifier: Apache-2.0
/* Why it did not work, in words: what libcurl, the TLS library, the kernel and the server know. */
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kube/internal.h"

static void add(char *to, size_t size, const char *text)
{
	size_t len = strlen(to);

	snprintf(to + len, size - len, "%s%s", len == 0 ? "" : ": ", text);
}

static bool curl_has_gnutls(void)
{
	const char *tls = curl_version_info(CURLVERSION_NOW)->ssl_version;

	return tls != NULL && strncmp(tls, "GnuTLS/", 7) == 0;
}

/* GnuTLS knows what is wrong with a certificate, libcurl only says that something is. */
static void add_certificate_fault(struct transfer *t)
{
	gnutls_datum_t text = { NULL, 0 };
	long bits = 0;

	if (!curl_has_gnutls() ||
	    curl_easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &bits) != CURLE_OK || bits == 0 ||
	    gnutls_certificate_verification_status_print((unsigned)bits, GNUTLS_CRT_X509, &text,
							 0) != 0)
		return;
	size_t len = strlen((const char *)text.data);
	while (len > 0 && strchr(" .", text.data[len - 1]) != NULL)
		text.data[--len] = '\0';
	add(t->error, TRANSFER_ERROR_SIZE, (const char *)text.data);
	gnutls_free(text.data);
}

/*
 * A proxy's address has a password in it, and libcurl repeats one that it does not understand. It
 * stands at the end, in quotes, and may be cut off anywhere.
 */
static void hide_proxy(char *text)
{
	static const char begins[] = "Unsupported proxy";
	char *at = strrchr(text, '@'), *from;

	if (strncmp(text, begins, strlen(begins)) == 0) {
		text[strcspn(text, "'\"")] = '\0';
		if ((from = strstr(text, " in ")) != NULL || (from = strstr(text, " for ")) != NULL)
			*from = '\0';
	} else if (at != NULL && (from = strstr(text, "://")) != NULL && from < at) {
		memmove(from + 3, at + 1, strlen(at + 1) + 1);
	}
}

void transfer_explain(struct transfer *t, CURLcode result)
{
	long os = 0;

	if (t->too_big) {
		snprintf(t->error, TRANSFER_ERROR_SIZE, "answer of more than %zu MiB",
			 t->body_max >> 20);
		return;
	}
	if (t->error[0] == '\0')
		snprintf(t->error, TRANSFER_ERROR_SIZE, "%s", curl_easy_strerror(result));
	hide_proxy(t->error);
	if (result == CURLE_PEER_FAILED_VERIFICATION)
		add_certificate_fault(t);
	else if (result == CURLE_COULDNT_CONNECT &&
		 curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os) == CURLE_OK && os != 0)
		add(t->error, TRANSFER_ERROR_SIZE, strerror((int)os));
}

const char *status_reason(int status, const cJSON *json, char *buf, size_t size)
{
	const char *reason = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "reason"));
	const char *message =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "message"));

	snprintf(buf, size, "%d%s%s%s%s", status, reason == NULL ? "" : " ",
		 reason == NULL ? "" : reason, message == NULL ? "" : ": ",
		 message == NULL ? "" : message);
	return buf;
}
