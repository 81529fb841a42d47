// SPDX-License-Identifier: Apache-2.0
/*
 * Bodies to the validating webhook: the first byte chooses the path, the rest is what an API
 * server, or a stranger, posts. Whatever it is, it is no review or gets an answer with its uid, and
 * a refusal has a reason. What is known is a resource of each kind, some of them faulty.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/webhook.h"
#include "lib/model/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {
	"/validate-metallb-io-v1beta1-ipaddresspool",
	"/validate-metallb-io-v1beta1-l2advertisement",
	"/validate-metallb-io-v1beta1-bgpadvertisement",
	"/validate-metallb-io-v1beta2-bgppeer",
	"/validate-metallb-io-v1beta1-community",
	"/validate-metallb-io-v1beta1-bfdprofile",
};

static const char there[] =
	"apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\n"
	"metadata: {name: a, namespace: n}\nspec: {addresses: [10.0.0.0/24, 'fd00::/64']}\n---\n"
	"apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\n"
	"metadata: {name: b, namespace: n}\nspec: {addresses: [10.0.1.9-10.0.1.1]}\n---\n"
	"apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\n"
	"metadata: {name: a, namespace: n}\nspec: {ipAddressPools: [a]}\n---\n"
	"apiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\n"
	"metadata: {name: a, namespace: n}\nspec: {aggregationLength: 24, communities: [x]}\n---\n"
	"apiVersion: metallb.io/v1beta2\nkind: BGPPeer\n"
	"metadata: {name: a, namespace: n}\nspec: {myASN: 1, peerASN: 2, peerAddress: 10.0.0.1, "
	"bfdProfile: a}\n---\n"
	"apiVersion: metallb.io/v1beta1\nkind: Community\n"
	"metadata: {name: a, namespace: n}\nspec: {communities: [{name: x, value: '1:2'}]}\n---\n"
	"apiVersion: metallb.io/v1beta1\nkind: BFDProfile\n"
	"metadata: {name: a, namespace: n}\nspec: {}\n";

static struct config_inputs known;

static void known_read(void)
{
	static struct doc *doc; /* as long as the process */
	struct faults faults = { 0 };

	if (doc_load_text("there.yaml", there, sizeof(there) - 1, &faults, &doc) != 0)
		abort();
	const struct doc_objects *objects = doc_objects(doc);
	for (size_t i = 0; i < objects->count; i++) {
		struct config_input *in = array_push(&known);
		if (in == NULL)
			abort();
		*in = (struct config_input){ .object = objects->items[i].json };
	}
}

static void answer_check(const char *body, size_t len, const char *answer)
{
	cJSON *asked = cJSON_ParseWithLength(body, len), *told = cJSON_Parse(answer);
	const cJSON *request = cJSON_GetObjectItemCaseSensitive(asked, "request");
	const cJSON *response = cJSON_GetObjectItemCaseSensitive(told, "response");
	const char *uid = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "uid"));
	const char *same = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(response, "uid"));
	const cJSON *status = cJSON_GetObjectItemCaseSensitive(response, "status");
	const char *why = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(status, "message"));
	bool allowed = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(response, "allowed"));

	if (uid == NULL || same == NULL || strcmp(uid, same) != 0)
		abort();
	if (allowed ? status != NULL : why == NULL || *why == '\0')
		abort();
	cJSON_Delete(asked);
	cJSON_Delete(told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data + 1;
	char *answer = NULL;

	if (known.count == 0)
		known_read();
	if (size == 0)
		return 0;
	size_t path = data[0] % (sizeof(paths) / sizeof(*paths));
	if (webhook_decide(paths[path], body, size - 1, "n", &known, &answer) == 0)
		answer_check(body, size - 1, answer);
	free(answer);
	return 0;
}
