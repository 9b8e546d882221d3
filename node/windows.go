package node

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"entente"
	"entente/stix"
	"entente/store"
)

// windows are the windows of the accept logs that were read lately. Appliers of agreements
// that cover the same collections share them: to read and parse one costs more than to judge
// it. What a window holds is bound to positions, so it does not matter when it was read.
type windows struct {
	lines int // about how many lines of an accept log are one, where nobody waits for more

	mu   sync.Mutex
	all  []*reading // what was begun last is the last
	size int        // of those that are read, in bytes
}

// windowsHeld bounds what is kept of windows, in bytes. An agreement's share of time is some
// megabytes of a log.
const windowsHeld = 32 << 20

// reading is a window that is being read, or was. Beside of and upTo it tells nothing before
// it is done.
type reading struct {
	of   string  // which logs it is of, and from where
	upTo []int64 // by place: to where it may reach
	w    *store.Window
	err  error
	size int // 0 until it is kept
	done chan struct{}
	stop context.CancelFunc // breaks it off, for whoever began it
}

func windowOf(a *entente.Agreement, from []int64) string {
	var key []byte
	for place, f := range a.Feeds {
		key = fmt.Appendf(key, "%d:%d ", f.Log, from[place])
	}
	return string(key)
}

// readAhead begins to read what comes next in an agreement's logs. When it is read, and before
// others learn of it, then is called.
func (n *Node) readAhead(ctx context.Context, a *entente.Agreement, from, upTo []int64, lines int, then func(*reading)) *reading {
	ctx, stop := context.WithCancel(ctx)
	r := &reading{of: windowOf(a, from), upTo: upTo, done: make(chan struct{}), stop: stop}
	go func() {
		defer close(r.done)
		r.err = n.st.View(ctx, func(t *store.Tx) (err error) {
			r.w, err = t.Window(ctx, a, from, upTo, lines, stix.Reread)
			return err
		})
		if then != nil {
			then(r)
		}
	}()
	return r
}

// ahead is a window that an applier has begun to read, or that another reads or has read.
type ahead struct {
	*reading
	mine bool
}

// drop gives it up.
func (x *ahead) drop() {
	if x != nil && x.mine {
		x.stop()
		<-x.done
	}
}

// ahead is [Node.readAhead] of what is shared.
func (ws *windows) ahead(ctx context.Context, p *applier, a *entente.Agreement, from, upTo, counts []int64) *ahead {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if r := ws.find(windowOf(a, from), upTo, counts); r != nil {
		return &ahead{reading: r}
	}
	r := p.n.readAhead(ctx, a, from, upTo, p.lines(), ws.keep)
	ws.all = append(ws.all, r)
	return &ahead{r, true}
}

// window is the window that comes next for an agreement: one that is there already, else
// what is read now.
func (ws *windows) window(ctx context.Context, t *store.Tx, p *applier, a *entente.Agreement, from, upTo, counts []int64) (*store.Window, error) {
	of := windowOf(a, from)
	ws.mu.Lock()
	r := ws.find(of, upTo, counts)
	ws.mu.Unlock()
	if r != nil {
		<-r.done
		if r.err == nil && r.w.Serves(upTo, counts) {
			return r.w, nil
		}
	}
	w, err := t.Window(ctx, a, from, upTo, p.lines(), stix.Reread)
	if err == nil && !slices.Equal(w.UpTo, from) {
		r := &reading{of: of, w: w, done: make(chan struct{})}
		close(r.done)
		ws.mu.Lock()
		ws.all = append(ws.all, r)
		ws.mu.Unlock()
		ws.keep(r)
	}
	return w, err
}

// find finds a window that serves, or that is being read and may serve: who gets that may
// have to read again after all, as it may be broken off.
func (ws *windows) find(of string, upTo, counts []int64) *reading {
	for _, r := range slices.Backward(ws.all) {
		if r.of != of {
			continue
		}
		select {
		case <-r.done:
			if r.w.Serves(upTo, counts) {
				return r
			}
		default:
			if slices.EqualFunc(r.upTo, upTo, func(theirs, ours int64) bool { return theirs <= ours }) {
				return r
			}
		}
	}
	return nil
}

// keep keeps a window that was read, and lets the oldest go.
func (ws *windows) keep(r *reading) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if r.err != nil {
		ws.all = slices.DeleteFunc(ws.all, func(x *reading) bool { return x == r })
		return
	}
	r.size = r.w.Size()
	ws.size += r.size
	ws.all = slices.DeleteFunc(ws.all, func(x *reading) bool {
		old := x != r && x.size > 0 && ws.size > windowsHeld
		if old {
			ws.size -= x.size
		}
		return old
	})
}

// forget lets all windows go that are read: nobody is behind.
func (ws *windows) forget() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.all = slices.DeleteFunc(ws.all, func(x *reading) bool { return x.size > 0 })
	ws.size = 0
}
