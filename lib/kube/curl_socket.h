// SPDX-License-Identifier: Apache-2.0
/*
 * What our kernel does with bytes that libcurl has handed to it.
 *
 * Left alone, it sends them again for a quarter of an hour while nobody acknowledges them, and goes
 * on when the connection has been closed or the process been stopped: a request that was given up
 * would arrive when the network is back.
 */
#ifndef BELLMAN_KUBE_CURL_SOCKET_H
#define BELLMAN_KUBE_CURL_SOCKET_H

#include <curl/curl.h>

/*
 * For new connections of @easy: one is dead when nobody has acknowledged, or taken, what was sent
 * for @unacked_ms; when libcurl closes one, bytes that are still to be sent are thrown away; and
 * programs that we start do not inherit it.
 */
void curl_socket_set(CURL *easy, unsigned unacked_ms);

#endif
