// go-git as a client: a program with the verbs of tests.e2e.clients.kinds.
package main

import (
	"fmt"
	"os"
	"strconv"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/storage/memory"
)

const notOffered = 64

func remote(url string) *git.Remote {
	return git.NewRemote(memory.NewStorage(), &config.RemoteConfig{Name: "origin", URLs: []string{url}})
}

func listRefs(url string) error {
	refs, err := remote(url).List(&git.ListOptions{})
	for _, ref := range refs {
		fmt.Println(ref.Hash(), ref.Name())
	}
	return err
}

func fetch(folder string, depth int) error {
	repository, err := git.PlainOpen(folder)
	if err != nil {
		return err
	}
	err = repository.Fetch(&git.FetchOptions{RemoteName: "origin", Depth: depth})
	if err == git.NoErrAlreadyUpToDate {
		return nil
	}
	return err
}

func push(folder, url, refspec string) error {
	repository, err := git.PlainOpen(folder)
	if err != nil {
		return err
	}
	where := &config.RemoteConfig{Name: "there", URLs: []string{url}}
	there, err := repository.CreateRemote(where)
	if err != nil {
		return err
	}
	return there.Push(&git.PushOptions{RemoteName: "there", RefSpecs: []config.RefSpec{config.RefSpec(refspec)}})
}

func main() {
	words := os.Args[2:]
	var err error
	switch os.Args[1] {
	case "ls-remote":
		err = listRefs(words[0])
	case "clone":
		if words[3] != "" {
			os.Exit(notOffered)
		}
		depth, _ := strconv.Atoi(words[2])
		_, err = git.PlainClone(words[1], false, &git.CloneOptions{URL: words[0], Depth: depth, NoCheckout: true})
	case "fetch":
		depth, _ := strconv.Atoi(words[2])
		err = fetch(words[0], depth)
	case "push":
		err = push(words[0], words[1], words[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
