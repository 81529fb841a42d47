// SPDX-License-Identifier: Apache-2.0
/*
 * The real programs that the tests of the API client talk to, on free ports of 127.0.0.1:
 * bellman-apiserver from $BELLMAN_BIN, and nghttpx in front of it, which speaks TLS and HTTP/2.
 * They end with the test, by their process ids. Their files are in a folder that the test drops.
 */
#ifndef BELLMAN_TESTS_KUBE_PROGRAMS_H
#define BELLMAN_TESTS_KUBE_PROGRAMS_H

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

/* --- files ---------------------------------------------------------------------------------- */

static char work_dir[64];

static inline void work_dir_make(void)
{
	snprintf(work_dir, sizeof(work_dir), "/tmp/bellman-kube-XXXXXX");
	assert_non_null(mkdtemp(work_dir));
}

/* Good until the eighth call after this. */
static inline const char *in_dir(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", work_dir, name);
	return path;
}

static inline void work_dir_drop(void)
{
	DIR *dir = opendir(work_dir);
	struct dirent *e;

	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
	assert_int_equal(rmdir(work_dir), 0);
}

/* Written beside and moved into place, as those do who rotate files. */
static inline void write_bytes(const char *name, const void *bytes, size_t len, mode_t mode)
{
	FILE *to = fopen(in_dir("new"), "w");

	assert_non_null(to);
	assert_int_equal(fwrite(bytes, 1, len, to), len);
	fchmod(fileno(to), mode);
	fclose(to);
	assert_int_equal(rename(in_dir("new"), in_dir(name)), 0);
}

static inline void write_text(const char *name, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static inline void write_text(const char *name, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	assert_true(vasprintf(&text, fmt, ap) >= 0);
	va_end(ap);
	write_bytes(name, text, strlen(text), 0700);
	free(text);
}

/* --- processes ------------------------------------------------------------------------------ */

/* Begin a program; *ret_out, unless NULL, reads what it says on its standard error. */
static inline pid_t program_start(const char *const *argv, int *ret_out)
{
	int out[2];

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ret_out == NULL)
			out[1] = open("/dev/null", O_WRONLY);
		dup2(out[1], STDERR_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(out[1]);
	if (ret_out != NULL)
		*ret_out = out[0];
	else
		close(out[0]);
	return pid;
}

static inline void program_end(pid_t *pid, int signal)
{
	if (*pid == 0)
		return;
	kill(*pid, signal);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

static struct {
	pid_t pid; /* 0: not running */
	unsigned port;
} apiserver;

/* Start it, on the port it had before if any, and wait for the line that names its address. @cert:
 * of TLS, "NAME.pem" and "NAME.key"; NULL: plain HTTP, and no tokens. */
static inline void apiserver_start(const char *cert)
{
	char program[512], listen[32], pem[32], key[32], line[1024] = "";
	const char *argv[16] = { program,        "--listen", listen, "--data", in_dir("state.db"),
				 "--log-format", "text" };

	snprintf(program, sizeof(program), "%s/bellman-apiserver", getenv("BELLMAN_BIN"));
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", apiserver.port);
	if (cert != NULL) {
		snprintf(pem, sizeof(pem), "%s.pem", cert);
		snprintf(key, sizeof(key), "%s.key", cert);
		const char *more[] = { "--tls-cert", in_dir(pem),    "--tls-key",
				       in_dir(key),  "--token-file", in_dir("tokens") };

		memcpy(argv + 7, more, sizeof(more));
	}
	int out;
	apiserver.pid = program_start(argv, &out);
	FILE *from = fdopen(out, "r");
	const char *at = NULL;
	while (at == NULL && fgets(line, sizeof(line), from) != NULL)
		at = strstr(line, "address=127.0.0.1:");
	fclose(from);
	if (at == NULL) {
		fail_msg("%s did not start: %s", program, line);
		return;
	}
	apiserver.port = (unsigned)atoi(at + strlen("address=127.0.0.1:"));
}

static inline void apiserver_kill(void)
{
	program_end(&apiserver.pid, SIGKILL);
}

/* --- certificates --------------------------------------------------------------------------- */

struct certificate {
	const char *name;   /* NAME.pem and NAME.key */
	const char *issuer; /* the name of another one; NULL: signed by itself, and a CA */
	const char *dns;    /* what it is for; NULL: 127.0.0.1 */
	bool expired;
};

static inline void pem_read(const char *name, const char *ending, gnutls_datum_t *ret)
{
	char file[64];

	snprintf(file, sizeof(file), "%s.%s", name, ending);
	assert_int_equal(gnutls_load_file(in_dir(file), ret), 0);
}

static inline void pem_write(const char *name, const char *ending, gnutls_datum_t *pem)
{
	char file[64];

	snprintf(file, sizeof(file), "%s.%s", name, ending);
	write_bytes(file, pem->data, pem->size, 0600);
	gnutls_free(pem->data);
}

static inline void certificate_make(const struct certificate *c)
{
	static const unsigned char loopback[] = { 127, 0, 0, 1 };
	static unsigned char serial;
	gnutls_x509_privkey_t key, issuer_key;
	gnutls_x509_crt_t cert, issuer;
	gnutls_datum_t pem;
	char dn[64];

	gnutls_x509_privkey_init(&key);
	gnutls_x509_crt_init(&cert);
	assert_int_equal(
		gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
					     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		0);
	serial++;
	snprintf(dn, sizeof(dn), "CN=%s", c->name);
	gnutls_x509_crt_set_version(cert, 3);
	gnutls_x509_crt_set_serial(cert, &serial, 1);
	gnutls_x509_crt_set_activation_time(cert, time(NULL) - 7200);
	gnutls_x509_crt_set_expiration_time(cert, time(NULL) + (c->expired ? -3600 : 3600));
	gnutls_x509_crt_set_dn(cert, dn, NULL);
	gnutls_x509_crt_set_basic_constraints(cert, c->issuer == NULL, -1);
	if (c->dns != NULL)
		gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_DNSNAME, c->dns,
						     (unsigned)strlen(c->dns), 0);
	else
		gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_IPADDRESS, loopback, 4, 0);
	gnutls_x509_crt_set_key(cert, key);
	if (c->issuer == NULL) {
		assert_int_equal(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0), 0);
	} else {
		gnutls_x509_privkey_init(&issuer_key);
		gnutls_x509_crt_init(&issuer);
		pem_read(c->issuer, "key", &pem);
		gnutls_x509_privkey_import(issuer_key, &pem, GNUTLS_X509_FMT_PEM);
		gnutls_free(pem.data);
		pem_read(c->issuer, "pem", &pem);
		gnutls_x509_crt_import(issuer, &pem, GNUTLS_X509_FMT_PEM);
		gnutls_free(pem.data);
		assert_int_equal(gnutls_x509_crt_sign2(cert, issuer, issuer_key, GNUTLS_DIG_SHA256,
						       0),
				 0);
		gnutls_x509_crt_deinit(issuer);
		gnutls_x509_privkey_deinit(issuer_key);
	}
	gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &pem);
	pem_write(c->name, "pem", &pem);
	gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem);
	pem_write(c->name, "key", &pem);
	gnutls_x509_crt_deinit(cert);
	gnutls_x509_privkey_deinit(key);
}

/* --- nghttpx -------------------------------------------------------------------------------- */

static struct {
	pid_t pid;
	unsigned port;
} front;

static inline unsigned free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	getsockname(fd, (struct sockaddr *)&at, &len);
	close(fd);
	return ntohs(at.sin_port);
}

static inline bool is_listening(unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool yes = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;

	close(fd);
	return yes;
}

/* nghttpx as installed, or as `make deps` unpacked it beside the build; NULL: neither. */
static inline const char *front_program(void)
{
	static char beside[PATH_MAX];
	const char *bin = getenv("BELLMAN_BIN");

	if (access("/usr/sbin/nghttpx", X_OK) == 0)
		return "/usr/sbin/nghttpx";
	snprintf(beside, sizeof(beside), "%s/../../nghttpx/usr/sbin/nghttpx",
		 bin != NULL ? bin : ".");
	return access(beside, X_OK) == 0 ? beside : NULL;
}

/* Start nghttpx with the certificate @cert before the API server; @more: further options, or NULL.
 */
static inline void front_start(const char *cert, const char *const *more)
{
	char frontend[64], backend[64], pem[32], key[32];
	const char *program = front_program();
	const char *argv[32] = { program,
				 "--conf=/dev/null",
				 "--workers=1",
				 "--log-level=ERROR",
				 "--backend-read-timeout=1h",
				 frontend,
				 backend };
	size_t n = 7;

	if (program == NULL) {
		fail_msg("nghttpx has gone");
		return;
	}
	if (front.port == 0)
		front.port = free_port();
	snprintf(frontend, sizeof(frontend), "--frontend=127.0.0.1,%u", front.port);
	snprintf(backend, sizeof(backend), "--backend=127.0.0.1,%u", apiserver.port);
	snprintf(pem, sizeof(pem), "%s.pem", cert);
	snprintf(key, sizeof(key), "%s.key", cert);
	while (more != NULL && *more != NULL)
		argv[n++] = *more++;
	argv[n++] = in_dir(key);
	argv[n++] = in_dir(pem);
	front.pid = program_start(argv, NULL);
	for (int tries = 0; !is_listening(front.port); tries++) {
		assert_true(tries < 1000 && waitpid(front.pid, NULL, WNOHANG) == 0);
		poll(NULL, 0, 10);
	}
}

#endif
