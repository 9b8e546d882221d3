package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"entente"
	"entente/store"
	"entente/taxii"
)

// Locate finds, on the server that a URL names, the collection that a remote is to move
// from or to, by id, alias or title, "" for the only one. It fills Root, There and Title
// of r, and checks that the account there has the right that the direction needs.
func (n *Node) Locate(ctx context.Context, r entente.Remote, address, wanted string) (entente.Remote, error) {
	c, err := remoteClient(address, r.Access)
	if err != nil {
		return r, err
	}
	defer c.Close()
	found, err := c.Find(ctx, wanted)
	if err != nil {
		return r, err
	}
	r.Root, r.There, r.Title = found.Place.Root.String(), found.Collection, found.About.Title
	switch {
	case r.Direction == entente.Pulls && !found.About.CanRead:
		return r, entente.Errorf(entente.Forbidden, "the server does not let this account read the collection %q", r.Title)
	case r.Direction == entente.Pushes && !found.About.CanWrite:
		return r, entente.Errorf(entente.Forbidden, "the server does not let this account write to the collection %q", r.Title)
	}
	return r, nil
}

// Remotes lists what is pulled and pushed, by name, for who reads everything. Secrets are
// left out; of them, Access tells only which kinds there are.
func (n *Node) Remotes(ctx context.Context, a entente.Actor) ([]entente.Remote, error) {
	if err := readAll(a); err != nil {
		return nil, err
	}
	all, err := n.remotes(ctx)
	for i := range all {
		s := &all[i].Access
		s.Password, s.Key = "", nil
		if s.Token != "" {
			s.Token = "…"
		}
	}
	return all, err
}

func (n *Node) remotes(ctx context.Context) (all []entente.Remote, err error) {
	err = n.st.View(ctx, func(t *store.Tx) (err error) {
		all, err = t.Remotes(ctx)
		return err
	})
	return all, err
}

// remote finds a remote by name or id, with its secrets.
func (n *Node) remote(ctx context.Context, name string) (entente.Remote, error) {
	all, err := n.remotes(ctx)
	if err != nil {
		return entente.Remote{}, err
	}
	for _, r := range all {
		if r.Name == name || r.ID == name {
			return r, nil
		}
	}
	return entente.Remote{}, entente.Errorf(entente.NotFound, "there is no pull or push named %q", name)
}

// RunReport tells how a remote's run went; by its direction one of the two is filled, and
// neither where it did not begin.
type RunReport struct {
	Pull *PullReport
	Push *PushReport
}

// RunOnce runs a remote that is not kept, from its beginning, and remembers nothing but
// the objects. On any error the report tells what was done before it, all of which is
// durable. What the other side has already is no harm: home knows it, and so do servers.
func (n *Node) RunOnce(ctx context.Context, a entente.Actor, r entente.Remote, o PullOptions) (RunReport, error) {
	c, err := remoteClient(r.Root, r.Access)
	if err != nil {
		return RunReport{}, err
	}
	defer c.Close()
	r.Progress = entente.Progress{}
	return n.move(ctx, a, c, &r, o, func(context.Context) error { return nil })
}

// move pulls or pushes. It calls keep whenever r.Progress says more than before.
func (n *Node) move(ctx context.Context, a entente.Actor, c *taxii.Client, r *entente.Remote, o PullOptions, keep func(context.Context) error) (RunReport, error) {
	if r.Direction == entente.Pulls {
		rep, err := n.pull(ctx, a, c, r, o, keep)
		return RunReport{Pull: &rep}, err
	}
	rep, err := n.push(ctx, a, c, r, o, keep)
	return RunReport{Push: &rep}, err
}

// RunRemote runs a kept remote now, from where its last run came to. While another process
// or the schedule runs it, that is Unavailable.
func (n *Node) RunRemote(ctx context.Context, a entente.Actor, name string, o PullOptions) (RunReport, error) {
	if !a.IsOperator() {
		return RunReport{}, entente.Errorf(entente.Forbidden, "only an operator of this node may do that")
	}
	r, err := n.remote(ctx, name)
	if err != nil {
		return RunReport{}, err
	}
	var rep RunReport
	err = n.holding(ctx, "remote "+r.ID, remoteLeaseFor, func(ctx context.Context) error {
		// What the last run left is read under the lease.
		r, err := n.remote(ctx, r.ID)
		if err != nil {
			return err
		}
		c, err := remoteClient(r.Root, r.Access)
		if err != nil {
			return err
		}
		defer c.Close()
		rep, err = n.runHeld(ctx, a, c, r, o)
		return err
	})
	if errors.Is(err, errLeased) {
		return rep, entente.Errorf(entente.Unavailable, "%q runs at this moment, by the server or by another command; what it has taken is in", r.Name)
	}
	return rep, err
}

// runHeld runs a remote whose lease is held, and keeps how it went.
func (n *Node) runHeld(ctx context.Context, a entente.Actor, c *taxii.Client, r entente.Remote, o PullOptions) (rep RunReport, err error) {
	p := r.Progress
	r.Progress = entente.Progress{Taken: p.Taken, Open: p.Open, Sent: p.Sent, Began: n.now()}
	keep := func(ctx context.Context) error {
		_, err := n.Do(ctx, a, entente.PutProgress{Remote: r.ID, Progress: r.Progress})
		return err
	}
	if err := keep(ctx); err != nil {
		return rep, err
	}
	rep, err = n.move(ctx, a, c, &r, o, keep)
	to := &r.Progress
	if did := rep.Pull; did != nil {
		to.Remarks, to.Read, to.Added, to.Refused = did.Remarks, did.Read, did.Added, did.Refused
		to.Unchanged, to.Contested = did.Unchanged, did.Contested
	}
	if did := rep.Push; did != nil {
		to.Remarks, to.Read, to.Added, to.Refused = did.Remarks, did.Read, did.Taken, did.Refused
	}
	r.Progress.Ended = n.now()
	if err != nil {
		r.Progress.Error = entente.PublicText(err)
		if ctx.Err() != nil {
			r.Progress.Error = "it was stopped"
		}
	}
	// How it went is kept even when ctx has ended.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return rep, errors.Join(err, keep(last))
}

// remotesAtOnce is how many remotes of the schedule run at once in one process.
const remotesAtOnce = 4

// followSchedule runs the remotes that have a schedule, each when it is due, until ctx
// ends. One that was cut off goes on at once.
func (n *Node) followSchedule(ctx context.Context) {
	var mu sync.Mutex
	running := map[string]bool{}
	var wg sync.WaitGroup
	defer wg.Wait()
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		all, err := n.remotes(ctx)
		if err != nil && ctx.Err() == nil {
			n.log.Error("the schedule of pulls and pushes cannot be read; it will be tried again", "error", err)
		}
		for _, r := range all {
			mu.Lock()
			start := n.due(r) && !running[r.ID] && len(running) < remotesAtOnce
			if start {
				running[r.ID] = true
			}
			mu.Unlock()
			if !start {
				continue
			}
			wg.Go(func() {
				n.runScheduled(ctx, r)
				mu.Lock()
				defer mu.Unlock()
				delete(running, r.ID)
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// due tells whether a remote's schedule wants it to run.
func (n *Node) due(r entente.Remote) bool {
	p := r.Progress
	return r.Every > 0 && (p.Began == 0 || p.Ended == 0 || n.now()-p.Began >= r.Every)
}

func (n *Node) runScheduled(ctx context.Context, r entente.Remote) {
	rep, err := n.RunRemote(ctx, entente.LocalActor(), r.ID, PullOptions{})
	text := ""
	switch {
	case rep.Pull != nil:
		text = tookText(*rep.Pull)
	case rep.Push != nil:
		text = sentText(*rep.Push)
	}
	log := n.log.With("direction", r.Direction.String(), "name", r.Name, "root", r.Root, "collection", r.There)
	switch kind := entente.KindOf(err); {
	case err == nil:
		log.Info("remote done", "result", text)
	case ctx.Err() != nil, kind == entente.Unavailable && rep == RunReport{}: // stopped, or run by another process
	default:
		log.Error("remote failed; it will be tried again at its next time", "error", err, "before_that", text)
	}
}
