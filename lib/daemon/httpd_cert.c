// SPDX-License-Identifier: Apache-2.0
#include "lib/daemon/httpd_cert.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/model/file_io.h"

enum { PEM_MAX = 1 << 20, CHAIN_MAX = 16, LOOK_MS = 1000, RETIRED_MS = 120000 };

/* One certificate with its chain and key. */
struct pair {
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned count;
	gnutls_privkey_t key;
	uint64_t retired_ms;
	struct pair *next;
};

struct cert {
	char *cert_file, *key_file;
	struct file_mark marks[2];
	struct pair *pairs; /* the current one, then those that handshakes may still use */
	uint64_t looked_ms;
};

static void free_pairs(struct pair *p)
{
	while (p != NULL) {
		struct pair *next = p->next;

		for (unsigned i = 0; i < p->count; i++)
			gnutls_pcert_deinit(&p->chain[i]);
		if (p->key != NULL)
			gnutls_privkey_deinit(p->key);
		free(p);
		p = next;
	}
}

/* Is it a pair at all? Only credentials know how to tell that a key is another certificate's. */
static int check(const gnutls_datum_t *cert, const gnutls_datum_t *key)
{
	gnutls_certificate_credentials_t both;
	int rc = gnutls_certificate_allocate_credentials(&both);

	if (rc != 0)
		return rc;
	rc = gnutls_certificate_set_x509_key_mem2(both, cert, key, GNUTLS_X509_FMT_PEM, NULL, 0);
	gnutls_certificate_free_credentials(both);
	return rc < 0 ? rc : 0;
}

static int parse(const gnutls_datum_t *cert, const gnutls_datum_t *key, struct pair *p)
{
	unsigned count = CHAIN_MAX;
	int rc = check(cert, key);

	if (rc == 0)
		rc = gnutls_pcert_list_import_x509_raw(p->chain, &count, cert, GNUTLS_X509_FMT_PEM,
						       0);
	if (rc != 0)
		return rc;
	p->count = count;
	rc = gnutls_privkey_init(&p->key);
	return rc != 0 ? rc
		       : gnutls_privkey_import_x509_raw(p->key, key, GNUTLS_X509_FMT_PEM, NULL, 0);
}

static int read_pem(const char *path, gnutls_datum_t *ret)
{
	char *text;
	size_t len;
	int rc = file_read(path, PEM_MAX, &text, &len);

	if (rc != 0) {
		log_error("httpd", "cannot read", "file=%s err=\"%s\"", path, file_error(rc));
		return rc;
	}
	*ret = (gnutls_datum_t){ (unsigned char *)text, (unsigned)len };
	return 0;
}

static void wipe(gnutls_datum_t *d)
{
	if (d->data != NULL)
		explicit_bzero(d->data, d->size);
	free(d->data);
}

static int load(struct cert *c)
{
	gnutls_datum_t cert = { 0 }, key = { 0 };
	/* Before they are read: what is written meanwhile is seen at the next look. */
	const struct file_mark marks[2] = { file_mark(c->cert_file), file_mark(c->key_file) };
	struct pair *p = calloc(1, sizeof(*p));
	int rc = p == NULL ? -ENOMEM : read_pem(c->cert_file, &cert);

	if (rc == 0)
		rc = read_pem(c->key_file, &key);
	if (rc == 0) {
		rc = parse(&cert, &key, p);
		if (rc != 0)
			log_error("httpd", "certificate and key are not usable",
				  "cert=%s key=%s err=\"%s\"", c->cert_file, c->key_file,
				  gnutls_strerror(rc));
	}
	wipe(&cert);
	wipe(&key);
	memcpy(c->marks, marks, sizeof(marks));
	if (rc != 0) {
		free_pairs(p);
		return -EINVAL;
	}
	p->next = c->pairs;
	c->pairs = p;
	return 0;
}

int cert_open(const char *cert_file, const char *key_file, struct cert **ret)
{
	struct cert *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->cert_file = strdup(cert_file);
	c->key_file = strdup(key_file);
	int rc = c->cert_file == NULL || c->key_file == NULL ? -ENOMEM : load(c);
	if (rc != 0)
		cert_free(c);
	else
		*ret = c;
	return rc;
}

struct cert *cert_free(struct cert *c)
{
	if (c == NULL)
		return NULL;
	free_pairs(c->pairs);
	free(c->cert_file);
	free(c->key_file);
	free(c);
	return NULL;
}

/* Forget the pairs that no handshake can use any more: the current one's successors in the list. */
static void forget_retired(struct cert *c, uint64_t now_ms)
{
	for (struct pair **at = &c->pairs->next; *at != NULL; at = &(*at)->next)
		if (now_ms - (*at)->retired_ms > RETIRED_MS) {
			free_pairs(*at); /* those behind it retired earlier still */
			*at = NULL;
			return;
		}
}

static void look(struct cert *c, uint64_t now_ms)
{
	const struct file_mark marks[2] = { file_mark(c->cert_file), file_mark(c->key_file) };
	struct pair *before = c->pairs;

	if (file_mark_same(&marks[0], &c->marks[0]) && file_mark_same(&marks[1], &c->marks[1]))
		return;
	if (load(c) != 0) {
		log_warn("httpd", "goes on with the certificate it had", "cert=%s", c->cert_file);
		return;
	}
	before->retired_ms = now_ms;
	log_info("httpd", "serving another certificate", "cert=%s", c->cert_file);
}

void cert_current(struct cert *c, uint64_t now_ms, gnutls_pcert_st **ret_chain, unsigned *ret_count,
		  gnutls_privkey_t *ret_key)
{
	if (now_ms - c->looked_ms >= LOOK_MS) {
		c->looked_ms = now_ms;
		look(c, now_ms);
		forget_retired(c, now_ms);
	}
	*ret_chain = c->pairs->chain;
	*ret_count = c->pairs->count;
	*ret_key = c->pairs->key;
}
