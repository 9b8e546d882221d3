//go:build !unix

package main

// lockData does nothing where the system has no advisory locks on files.
func lockData(string) (unlock func(), err error) { return func() {}, nil }
