package api

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"entente"
)

// signIn finds who a request comes from: HTTP Basic (RFC 7617, in UTF-8), a token as
// "Bearer x" (RFC 6750) or, as a common TAXII client sends it, "Token x", or the client
// certificate of the TLS connection. An Authorization header counts alone, good or bad: it
// says who this request is from, and the certificate is of the whole connection, which a
// client may show to everybody who asks.
func (s *Server) signIn(r *http.Request) (entente.Actor, error) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	secret = strings.TrimSpace(secret)
	switch {
	case len(r.Header["Authorization"]) == 0 && r.TLS != nil && len(r.TLS.PeerCertificates) > 0:
		return s.node.SignInCertificate(r.Context(), r.TLS.PeerCertificates[0])
	case len(r.Header["Authorization"]) != 1:
		// None, or several of which any might be meant.
	case strings.EqualFold(scheme, "Basic"):
		if name, password, ok := r.BasicAuth(); ok {
			return s.signInPassword(r, name, password)
		}
	case (strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "Token")) && secret != "":
		return s.node.SignInToken(r.Context(), secret)
	}
	return entente.Actor{}, entente.Errorf(entente.Unauthenticated, "sign in with HTTP Basic, a token or a client certificate")
}

// signInPassword verifies a password unless too many were wrong. Tokens and
// certificates need no such limit: they cannot be guessed, and cost nothing to refuse.
func (s *Server) signInPassword(r *http.Request, name, password string) (entente.Actor, error) {
	if !utf8.ValidString(name) || strings.Contains(name, "\x00") {
		// No account has such a name, and the store takes no text that is not Unicode.
		return entente.Actor{}, entente.Errorf(entente.Unauthenticated, "the name is not text in UTF-8 (RFC 7617 §2.1)")
	}
	key := newTryKey(s.client(r), name)
	if wait := s.tries.wait(key, s.now()); wait > 0 {
		s.meters.limited("sign-in")
		return entente.Actor{}, &limit{http.StatusTooManyRequests, wait, "too many failed sign-ins for this name from this address"}
	}
	actor, err := s.node.SignIn(r.Context(), name, password)
	if entente.KindOf(err) == entente.Unauthenticated {
		s.tries.failed(key, s.now())
	}
	return actor, err
}
