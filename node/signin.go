package node

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"

	"entente"
	"entente/store"
)

// Cost of a password's hash: argon2id with 19 MiB, two passes, one lane, the smallest
// that OWASP's password storage guide recommends, so that many sign-ins at once do not
// take the node's memory.
const (
	argonMemory = 19 * 1024 // KiB
	argonTime   = 2
	argonLanes  = 1
	argonKey    = 32
)

// MinPassword is the fewest characters that a password may have.
const MinPassword = 10

// HashPassword makes the stored form of a password: argon2id in PHC form.
func (n *Node) HashPassword(password string) (string, error) {
	if len([]rune(password)) < MinPassword {
		return "", entente.Errorf(entente.Invalid, "the password has fewer than %d characters", MinPassword)
	}
	if len(password) > 1024 {
		return "", entente.Errorf(entente.Invalid, "the password has more than 1024 bytes")
	}
	salt := make([]byte, 16)
	if _, err := io.ReadFull(n.random, salt); err != nil {
		return "", err
	}
	return phc(salt, argonTime, argonMemory, argonLanes, argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonLanes, argonKey)), nil
}

func phc(salt []byte, passes, memory uint32, lanes uint8, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, lanes, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// verifyPassword compares a password with its stored form.
func verifyPassword(stored, password string) bool {
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false
	}
	var version int
	var memory, passes uint32
	var lanes uint8
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &lanes); err != nil || version != argon2.Version {
		return false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || passes == 0 || lanes == 0 || len(key) == 0 {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, lanes, uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1
}

// signIns remembers for a minute that a password was verified, as verifying costs tens
// of milliseconds on purpose. What is remembered is bound to the stored hash, so that a
// changed password ends it; whether the account is disabled is read every time.
type signIns struct {
	key   [32]byte // makes the remembered values useless elsewhere
	slots chan struct{}

	mu   sync.Mutex
	seen map[[32]byte]time.Time
}

const (
	rememberFor = time.Minute
	rememberMax = 10000
)

func newSignIns() *signIns {
	s := &signIns{slots: make(chan struct{}, runtime.GOMAXPROCS(0)), seen: map[[32]byte]time.Time{}}
	if _, err := rand.Read(s.key[:]); err != nil { // never fails since Go 1.24
		panic(err)
	}
	return s
}

func (s *signIns) sum(parts ...string) (out [32]byte) {
	m := hmac.New(sha256.New, s.key[:])
	for _, p := range parts {
		fmt.Fprintf(m, "%d:%s", len(p), p)
	}
	m.Sum(out[:0])
	return out
}

func (s *signIns) remembered(sum [32]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	until, ok := s.seen[sum]
	if ok && time.Now().After(until) {
		delete(s.seen, sum)
		return false
	}
	return ok
}

func (s *signIns) remember(sum [32]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) >= rememberMax {
		clear(s.seen)
	}
	s.seen[sum] = time.Now().Add(rememberFor)
}

// wrongSignIn is the one answer to every sign-in that fails.
func wrongSignIn() error {
	return entente.Errorf(entente.Unauthenticated, "the name, password, token or certificate is wrong, or the account may not sign in")
}

// SignIn verifies a name and password. An unknown name, a wrong password and a disabled
// account are the same Unauthenticated, and cost the same time.
func (n *Node) SignIn(ctx context.Context, name, password string) (entente.Actor, error) {
	a, err := n.account(ctx, func(t *store.Tx) (*entente.Account, error) { return t.AccountByName(ctx, name) })
	if err != nil {
		return entente.Actor{}, err
	}
	stored := phc(make([]byte, 16), argonTime, argonMemory, argonLanes, make([]byte, argonKey)) // fits no password
	if a != nil && a.PasswordHash != "" {
		stored = a.PasswordHash
	}
	sum := n.signIns.sum(name, password, stored)
	good := n.signIns.remembered(sum)
	result := "cached"
	if !good {
		result = "verified"
		select {
		case n.signIns.slots <- struct{}{}:
		case <-ctx.Done():
			return entente.Actor{}, entente.Wrap(entente.Unavailable, ctx.Err(), "too many sign-ins at once; try again")
		}
		good = verifyPassword(stored, password)
		<-n.signIns.slots
	}
	if !good || a == nil || a.Disabled {
		n.failedSignIn(ctx, a, "password")
		return entente.Actor{}, wrongSignIn()
	}
	n.signIns.remember(sum)
	n.meters.signIn(result)
	return entente.Actor{Account: *a, At: n.now()}, nil
}

// SignInToken verifies a bearer secret.
func (n *Node) SignInToken(ctx context.Context, secret string) (entente.Actor, error) {
	var token *entente.Token
	a, err := n.account(ctx, func(t *store.Tx) (a *entente.Account, err error) {
		a, token, err = t.AccountByToken(ctx, sha256.Sum256([]byte(secret)))
		return a, err
	})
	if err != nil {
		return entente.Actor{}, err
	}
	if a == nil || a.Disabled || (token.Expires != 0 && token.Expires <= n.now()) {
		n.failedSignIn(ctx, a, "token")
		return entente.Actor{}, wrongSignIn()
	}
	n.meters.signIn("token")
	return entente.Actor{Account: *a, At: n.now()}, nil
}

// SignInCertificate finds who holds a certificate whose key TLS has shown the client to
// have. The account, what is known of the certificate and the dates of the one that was
// shown are looked at each time; a TLS session that goes on proves no more than the key.
// Any certificate that lets nobody in is the same Unauthenticated.
func (n *Node) SignInCertificate(ctx context.Context, shown *x509.Certificate) (entente.Actor, error) {
	var known *entente.Certificate
	a, err := n.account(ctx, func(t *store.Tx) (a *entente.Account, err error) {
		a, known, err = t.AccountByCertificate(ctx, pinOf(shown))
		return a, err
	})
	if err != nil {
		return entente.Actor{}, err
	}
	now := n.now()
	// The dates of what is shown alone would say little: whoever has the key can write
	// himself another certificate. What counts is the end of the one that was added.
	if a == nil || a.Disabled || known.Expires < now || now < shown.NotBefore.UnixMicro() || shown.NotAfter.UnixMicro() < now {
		n.failedSignIn(ctx, a, "certificate")
		return entente.Actor{}, wrongSignIn()
	}
	n.meters.signIn("certificate")
	return entente.Actor{Account: *a, At: n.now()}, nil
}

func (n *Node) account(ctx context.Context, find func(*store.Tx) (*entente.Account, error)) (*entente.Account, error) {
	var a *entente.Account
	err := n.st.View(ctx, func(t *store.Tx) (err error) {
		a, err = find(t)
		return err
	})
	return a, err
}

// NewSecret makes a random secret of 160 bits, in 32 characters that are easy to copy.
func (n *Node) NewSecret() (string, error) {
	const letters = "abcdefghijkmnpqrstuvwxyz23456789" // 32, none that look alike
	b := make([]byte, 32)
	if _, err := io.ReadFull(n.random, b); err != nil {
		return "", err
	}
	for i := range b {
		b[i] = letters[b[i]&31]
	}
	return string(b), nil
}
