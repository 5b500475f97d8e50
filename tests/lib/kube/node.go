package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	remotecommandconsts "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/cert"
	server "k8s.io/kubelet/pkg/cri/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// Annotations of a pod: the folder that is the root of a container, and the
// user that its commands run as.
const (
	rootOf = "test.platform-backup/root."
	userOf = "test.platform-backup/user."
)

const nodeName = "node"

// node takes every pod, says that it runs, and runs commands in its folders.
type node struct {
	api     kubernetes.Interface
	mu      sync.Mutex
	running map[types.UID]map[*exec.Cmd]bool
}

func runNode(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: pbkube node KUBECONFIG PORT")
	}
	config, err := clientcmd.BuildConfigFromFlags("", args[0])
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 400
	api, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	n := &node{api: api, running: map[types.UID]map[*exec.Cmd]bool{}}
	if err := n.register(int32(port)); err != nil {
		return err
	}
	go n.takePods()
	return n.serve(port)
}

func (n *node) register(port int32) error {
	ctx := context.Background()
	self := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName}}
	self, err := n.api.CoreV1().Nodes().Create(ctx, self, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	self.Status.Addresses = []v1.NodeAddress{
		{Type: v1.NodeInternalIP, Address: "127.0.0.1"},
	}
	self.Status.DaemonEndpoints.KubeletEndpoint.Port = port
	self.Status.Conditions = []v1.NodeCondition{
		{Type: v1.NodeReady, Status: v1.ConditionTrue, Reason: "Ready"},
	}
	_, err = n.api.CoreV1().Nodes().UpdateStatus(ctx, self, metav1.UpdateOptions{})
	return err
}

// --- pods

func (n *node) takePods() {
	for ; ; time.Sleep(200 * time.Millisecond) {
		pods, err := n.api.CoreV1().Pods("").List(context.Background(),
			metav1.ListOptions{})
		if err != nil {
			continue
		}
		for i := range pods.Items {
			n.take(&pods.Items[i])
		}
	}
}

// What goes wrong is tried again with the next look.
func (n *node) take(pod *v1.Pod) {
	ctx := context.Background()
	pods := n.api.CoreV1().Pods(pod.Namespace)
	switch {
	case pod.DeletionTimestamp != nil:
		n.kill(pod.UID)
		now := int64(0)
		_ = pods.Delete(ctx, pod.Name, metav1.DeleteOptions{
			GracePeriodSeconds: &now,
			Preconditions:      &metav1.Preconditions{UID: &pod.UID},
		})
	case pod.Spec.NodeName == "":
		_ = pods.Bind(ctx, &v1.Binding{
			ObjectMeta: metav1.ObjectMeta{Name: pod.Name},
			Target:     v1.ObjectReference{Kind: "Node", Name: nodeName},
		}, metav1.CreateOptions{})
	case pod.Status.Phase == v1.PodPending:
		_, _ = pods.UpdateStatus(ctx, run(pod), metav1.UpdateOptions{})
	}
}

func run(pod *v1.Pod) *v1.Pod {
	now := metav1.Now()
	pod = pod.DeepCopy()
	pod.Status.Phase = v1.PodRunning
	pod.Status.StartTime = &now
	for _, kind := range []v1.PodConditionType{v1.PodScheduled,
		v1.PodInitialized, v1.ContainersReady, v1.PodReady} {
		pod.Status.Conditions = append(pod.Status.Conditions,
			v1.PodCondition{Type: kind, Status: v1.ConditionTrue})
	}
	pod.Status.ContainerStatuses = nil
	for _, c := range pod.Spec.Containers {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses,
			v1.ContainerStatus{Name: c.Name, Image: c.Image, Ready: true,
				State: v1.ContainerState{
					Running: &v1.ContainerStateRunning{StartedAt: now},
				}})
	}
	return pod
}

func (n *node) kill(pod types.UID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for cmd := range n.running[pod] {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}

// --- commands in a container

func (n *node) serve(port int) error {
	pem, key, err := cert.GenerateSelfSignedCertKey("127.0.0.1", nil, nil)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(pem, key)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", n.exec)
	s := &http.Server{
		Addr:      fmt.Sprintf("127.0.0.1:%d", port),
		Handler:   mux,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}},
		// SPDY takes the connection over, which HTTP/2 does not allow
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	return s.ListenAndServeTLS("", "")
}

func (n *node) exec(w http.ResponseWriter, r *http.Request) {
	pod, err := n.api.CoreV1().Pods(r.PathValue("namespace")).Get(r.Context(),
		r.PathValue("pod"), metav1.GetOptions{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	options, err := server.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	server.ServeExec(w, r, &container{n, pod}, pod.Name, pod.UID,
		r.PathValue("container"), r.URL.Query()["command"], options,
		4*time.Hour, 30*time.Second,
		remotecommandconsts.SupportedStreamingProtocols)
}

type container struct {
	node *node
	pod  *v1.Pod
}

func (c *container) command(name string, argv []string) (*exec.Cmd, error) {
	root := c.pod.Annotations[rootOf+name]
	if root == "" {
		return nil, fmt.Errorf("container %q has no root", name)
	}
	attr := &syscall.SysProcAttr{Chroot: root, Setpgid: true}
	if user := c.pod.Annotations[userOf+name]; user != "" {
		id, err := strconv.ParseUint(user, 10, 32)
		if err != nil {
			return nil, err
		}
		attr.Credential = &syscall.Credential{Uid: uint32(id),
			Gid: uint32(id)}
	}
	// the program is looked for in the container's root, not in ours
	cmd := &exec.Cmd{Path: argv[0], Args: argv, Dir: "/", SysProcAttr: attr,
		Env: []string{"PATH=/bin:/usr/bin"}}
	if !strings.Contains(argv[0], "/") {
		cmd.Path = "/bin/" + argv[0]
	}
	return cmd, nil
}

func (c *container) note(cmd *exec.Cmd, runs bool) {
	n := c.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if !runs {
		delete(n.running[c.pod.UID], cmd)
		return
	}
	if n.running[c.pod.UID] == nil {
		n.running[c.pod.UID] = map[*exec.Cmd]bool{}
	}
	n.running[c.pod.UID][cmd] = true
}

func (c *container) ExecInContainer(_ context.Context, _ string, _ types.UID,
	name string, argv []string, in io.Reader, out, said io.WriteCloser,
	_ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	cmd, err := c.command(name, argv)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = out, said
	if in != nil {
		to, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		go func() {
			_, _ = io.Copy(to, in)
			_ = to.Close()
		}()
	}
	if err := cmd.Start(); err != nil {
		// as a container runtime says it
		return utilexec.CodeExitError{Err: fmt.Errorf(
			"OCI runtime exec failed: exec failed: %w", err), Code: 126}
	}
	c.note(cmd, true)
	err = cmd.Wait()
	c.note(cmd, false)
	return exitError(err)
}

func exitError(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	code := exit.ExitCode()
	if code < 0 {
		code = 128 + int(exit.Sys().(syscall.WaitStatus).Signal())
	}
	return utilexec.CodeExitError{Err: err, Code: code}
}
