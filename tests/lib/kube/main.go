// Kubernetes for tests, one program: the API server and the controllers as
// they are, and a node whose containers are folders.
//
//	pbkube apiserver FLAG...     kube-apiserver
//	pbkube controllers FLAG...   kube-controller-manager
//	pbkube node KUBECONFIG PORT  node.go
package main

import (
	"fmt"
	"os"

	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	what := ""
	if len(os.Args) > 1 {
		what = os.Args[1]
		os.Args = append(os.Args[:1], os.Args[2:]...)
	}
	switch what {
	case "apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "controllers":
		os.Exit(cli.Run(controllers.NewControllerManagerCommand()))
	case "node":
		if err := runNode(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "node:", err)
			os.Exit(1)
		}
	default:
		fmt.Fprintln(os.Stderr, "usage: pbkube apiserver|controllers|node ...")
		os.Exit(2)
	}
}
