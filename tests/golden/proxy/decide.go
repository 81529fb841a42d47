// SPDX-License-Identifier: Apache-2.0

// What kube-proxy decides for the objects in a file, as node-a: for each port of a Service and family the
// addresses it is reached at, and the endpoints for traffic policies Cluster and Local. It is kube-proxy's own
// code that decides, which is why this is in Go. Nothing builds it here; to write kube-proxy.json anew:
//
//	go mod init decide
//	go get k8s.io/kubernetes@v1.32.4    # with a replace line for each k8s.io module of its go.mod
//	go run decide.go kube-proxy.objects.json > kube-proxy.json
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"

	v1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	"k8s.io/kubernetes/pkg/proxy"
)

type decision struct {
	ClusterIP, Protocol  string
	Port, NodePort       int
	Ingress, ExternalIPs []string
	SourceRanges         []string
	AffinitySeconds      int
	InternalLocal        bool
	AnyEndpoints         bool     // anywhere in the cluster: else refused, not dropped
	Cluster, Local       []string // null: no policy asks for it
}

func addresses(endpoints []proxy.Endpoint, used bool) []string {
	if !used {
		return nil
	}
	list := []string{}
	for _, e := range endpoints {
		list = append(list, e.String())
	}
	sort.Strings(list)
	return list
}

func texts[T fmt.Stringer](list []T) []string {
	out := []string{}
	for _, item := range list {
		out = append(out, item.String())
	}
	return out
}

func decode[T any](raw json.RawMessage) *T {
	object := new(T)
	if err := json.Unmarshal(raw, object); err != nil {
		panic(err)
	}
	return object
}

func decide(objects []json.RawMessage, family v1.IPFamily, into map[string]decision) {
	serviceChanges := proxy.NewServiceChangeTracker(nil, family, nil, nil)
	endpointChanges := proxy.NewEndpointsChangeTracker("node-a", nil, family, nil, nil)
	var labels map[string]string

	for _, raw := range objects {
		switch kind := decode[struct{ Kind string }](raw).Kind; kind {
		case "Service":
			serviceChanges.Update(nil, decode[v1.Service](raw))
		case "EndpointSlice":
			slice := decode[discovery.EndpointSlice](raw)
			if string(slice.AddressType) == string(family) {
				endpointChanges.EndpointSliceUpdate(slice, false)
			}
		case "Node":
			if node := decode[v1.Node](raw); node.Name == "node-a" {
				labels = node.Labels
			}
		default:
			panic(kind)
		}
	}
	ports, endpoints := make(proxy.ServicePortMap), make(proxy.EndpointsMap)
	ports.Update(serviceChanges)
	endpoints.Update(endpointChanges)
	for name, p := range ports {
		cluster, local, _, any := proxy.CategorizeEndpoints(endpoints[name], p, labels)
		into[fmt.Sprintf("%s %s %s", name, p.Protocol(), family)] = decision{
			ClusterIP: p.ClusterIP().String(), Protocol: strings.ToLower(string(p.Protocol())),
			Port: p.Port(), NodePort: p.NodePort(),
			Ingress: texts(p.LoadBalancerVIPs()), ExternalIPs: texts(p.ExternalIPs()),
			SourceRanges: texts(p.LoadBalancerSourceRanges()), AffinitySeconds: p.StickyMaxAgeSeconds(),
			InternalLocal: p.InternalPolicyLocal(), AnyEndpoints: any,
			Cluster: addresses(cluster, p.UsesClusterEndpoints()),
			Local:   addresses(local, p.UsesLocalEndpoints()),
		}
	}
}

func main() {
	raw, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	decisions := map[string]decision{}
	for _, family := range []v1.IPFamily{v1.IPv4Protocol, v1.IPv6Protocol} {
		decide(*decode[[]json.RawMessage](raw), family, decisions)
	}
	names := []string{}
	for name := range decisions {
		names = append(names, name)
	}
	sort.Strings(names)
	for i, name := range names {
		line, _ := json.Marshal(decisions[name])
		fmt.Printf("%s%q: %s", map[bool]string{true: "{\n", false: ",\n"}[i == 0], name, line)
	}
	fmt.Println("\n}")
}
