package api

import (
	"container/list"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxTries bounds how many pairs of address and name are remembered. The one that failed
// longest ago is forgotten first.
const maxTries = 10000

// tryKey is a client address with an account name, hashed so that its size is bounded.
type tryKey struct {
	client netip.Addr
	name   [sha256.Size]byte
}

func newTryKey(client netip.Addr, name string) tryKey {
	if client.Is6() && !client.Is4In6() {
		// One customer has a /64 at least, so single addresses say nothing.
		if p, err := client.WithZone("").Prefix(64); err == nil {
			client = p.Addr()
		}
	}
	return tryKey{client.Unmap(), sha256.Sum256([]byte(name))}
}

// tries counts failed sign-ins. Whether the account exists makes no difference to it.
type tries struct {
	burst int
	every time.Duration

	mu   sync.Mutex
	byID map[tryKey]*list.Element
	aged *list.List // of *try, the one that failed last in front
}

type try struct {
	key   tryKey
	limit *rate.Limiter
}

func newTries(burst int, every time.Duration) *tries {
	return &tries{burst: burst, every: every, byID: map[tryKey]*list.Element{}, aged: list.New()}
}

// wait is how long to wait before the next try, 0 if it may come now.
func (t *tries) wait(key tryKey, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.byID[key]
	if !ok {
		return 0
	}
	missing := 1 - e.Value.(*try).limit.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return max(time.Duration(missing*float64(t.every)), time.Millisecond)
}

// failed takes note of a try with a wrong password.
func (t *tries) failed(key tryKey, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.byID[key]
	if ok {
		t.aged.MoveToFront(e)
	} else {
		e = t.aged.PushFront(&try{key, rate.NewLimiter(rate.Every(t.every), t.burst)})
		t.byID[key] = e
		if t.aged.Len() > maxTries {
			last := t.aged.Back()
			t.aged.Remove(last)
			delete(t.byID, last.Value.(*try).key)
		}
	}
	e.Value.(*try).limit.AllowN(now, 1)
}

// client is the address that a request comes from: the peer, or what a trusted proxy says.
func (s *Server) client(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !s.trusts(addr) {
			break
		}
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		addr = next.Unmap()
	}
	return addr
}

func (s *Server) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}
