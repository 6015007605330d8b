// Verifies revocation lists with crypto/x509 and prints how many entries each has, a line each.
//
//	go run read-lists.go ca.der list.crl...
package main

import (
	"crypto/x509"
	"fmt"
	"os"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func main() {
	ca := must(x509.ParseCertificate(must(os.ReadFile(os.Args[1]))))
	for _, file := range os.Args[2:] {
		list := must(x509.ParseRevocationList(must(os.ReadFile(file))))
		if err := list.CheckSignatureFrom(ca); err != nil {
			fmt.Fprintln(os.Stderr, file, err)
			os.Exit(1)
		}
		fmt.Println(len(list.RevokedCertificates))
	}
}
