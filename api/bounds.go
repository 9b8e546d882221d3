package api

import (
	"net/http"
	"sync"
	"time"

	"entente"
)

// bounded keeps the number of requests that are worked on. It stands before sign-in,
// which is what costs most in a flood. Health is answered in any case.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
			select {
			case s.requests <- struct{}{}:
				defer func() { <-s.requests }()
			default:
				s.meters.limited("server")
				s.refuse(w, r, entente.Errorf(entente.Unavailable, "the node is busy; try again"))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// accounts counts the requests of each account that are worked on.
type accounts struct {
	most int

	mu     sync.Mutex
	active map[string]int // by id; an account without requests has no entry
}

func newAccounts(most int) *accounts { return &accounts{most: most, active: map[string]int{}} }

// enter takes a place for a request of the account, to be given back by calling leave.
func (a *accounts) enter(id string) (leave func(), err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.active[id] >= a.most {
		return nil, &limit{http.StatusTooManyRequests, time.Second, "this account has too many requests under way"}
	}
	a.active[id]++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.active[id]--; a.active[id] == 0 {
			delete(a.active, id)
		}
	}, nil
}
