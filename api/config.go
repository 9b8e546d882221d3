package api

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/netip"
	"time"

	"entente"
)

// Config says how a server behaves. A zero field takes the value that its comment names.
type Config struct {
	// Title, Description and Contact are shown by discovery (TAXII 2.1 §4.1.1).
	Title       string // "Entente"
	Description string // none
	Contact     string // none

	// PageMax is the most entries of a page. It is also the size of a page for a client
	// that sets no limit: such a client wants everything, in as few requests as possible.
	PageMax int // 1000

	// MaxHeader is the most bytes of a request line with its headers. Half of it is room
	// for a filter that can still be repeated beside the cursor of its next page.
	MaxHeader int // 128 KiB

	// HeaderTimeout is how long a client may take over a request's headers.
	HeaderTimeout time.Duration // 10 s
	// IdleTimeout is how long a connection may stay open between requests.
	IdleTimeout time.Duration // 2 min
	// Patience is how long, in all, a client may keep the server waiting while it sends a
	// body or takes an answer, beyond what MinRate grants it. Time that the server itself
	// needs does not count.
	Patience time.Duration // 30 s
	// MinRate is the slowest client that is served, in bytes per second: what a client
	// transfers earns it that much time, so that a large body over a thin line works and
	// a trickle ends.
	MinRate int // 1024
	// ReadTimeout is how long the node may work on a request that has no body.
	ReadTimeout time.Duration // 1 min
	// Grace is how long running requests may take to end when the server is shut down.
	Grace time.Duration // 20 s

	// MaxRequests is how many requests are worked on at once; more get 503.
	MaxRequests int // 512
	// MaxPerAccount is how many of them one account may have; more get 429.
	MaxPerAccount int // 64

	// FailedSignIns is how many wrong passwords in a row one client address may give for
	// one account name; then it must wait FailedPause for each further try, and gets 429
	// until then, even with the right password.
	FailedSignIns int           // 10
	FailedPause   time.Duration // 10 s

	// TrustedProxies are the addresses of proxies whose X-Forwarded-For is believed. Where
	// none is set, the peer of the connection is the client.
	TrustedProxies []netip.Prefix

	// TLS serves HTTPS; see [TLSConfig]. Nil serves plain HTTP, which is for the loopback
	// interface and for a proxy that does the TLS.
	TLS *tls.Config
}

func (c Config) withDefaults() (Config, error) {
	if c.Title == "" {
		c.Title = "Entente"
	}
	err := errors.Join(
		fill("PageMax", &c.PageMax, 1000),
		fill("MaxHeader", &c.MaxHeader, 128<<10),
		fill("MinRate", &c.MinRate, 1024),
		fill("MaxRequests", &c.MaxRequests, 512),
		fill("MaxPerAccount", &c.MaxPerAccount, 64),
		fill("FailedSignIns", &c.FailedSignIns, 10),
		fill("HeaderTimeout", &c.HeaderTimeout, 10*time.Second),
		fill("IdleTimeout", &c.IdleTimeout, 2*time.Minute),
		fill("Patience", &c.Patience, 30*time.Second),
		fill("ReadTimeout", &c.ReadTimeout, time.Minute),
		fill("Grace", &c.Grace, 20*time.Second),
		fill("FailedPause", &c.FailedPause, 10*time.Second),
	)
	return c, err
}

// fill gives a field its default, and refuses what is below zero.
func fill[T int | time.Duration](name string, field *T, value T) error {
	if *field < 0 {
		return entente.Errorf(entente.Invalid, "%s must not be negative", name)
	}
	if *field == 0 {
		*field = value
	}
	return nil
}

// maxChain is the most bytes of certificates that a client may show.
const maxChain = 16 << 10

// TLSConfig is how this server does TLS (TAXII 2.1 §8.2.2): 1.2 at least and 1.3 where the
// client can, no suite of RFC 7540 Appendix A, no early data, which Go does not have. A
// client is asked for a certificate and need not have one (§8.2). TLS only makes it prove
// that it has the key: whom the key lets in is judged on every request.
func TLSConfig(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: certificate,
		NextProtos:     []string{"h2", "http/1.1"},
		ClientAuth:     tls.RequestClientCert,
		// Whoever can connect can show any chain, and the connection keeps it.
		VerifyPeerCertificate: func(chain [][]byte, _ [][]*x509.Certificate) error {
			size := 0
			for _, c := range chain {
				size += len(c)
			}
			if size > maxChain {
				return entente.Errorf(entente.TooLarge, "the client's certificates have %d bytes; at most %d are taken", size, maxChain)
			}
			return nil
		},
		CipherSuites: []uint16{ // of TLS 1.2; those of 1.3 are not chosen
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
}
