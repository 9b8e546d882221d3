package entente

// Open is the one rule of whether an organisation may come through the door of an agreement
// at a moment, in microseconds since 1970. It is asked on every request, so that a
// suspension acts on the next one. Which way data go, and stops on the organisation, are
// asked apart: see [Member] and [DoorOpen]. Home is no listed member and does not come
// through this door.
//
// NotFound for who is no member by the terms in force, as if there were no such agreement;
// so before the first activation for everybody. A member knows the state of its own
// agreements: Forbidden tells it that the agreement is suspended, has ended, has not begun
// or ran out, and Unavailable that its terms are being tightened at this moment.
func (a *Agreement) Open(organisation string, now int64) error {
	_, member := a.Terms.Member(organisation)
	t := &a.Terms
	switch {
	case !member || a.Version == 0:
		return Errorf(NotFound, "there is no such API root")
	case a.State == Ended:
		return Errorf(Forbidden, "this agreement has ended: nothing is read or posted through it any more")
	case a.State != Active:
		return Errorf(Forbidden, "this agreement is suspended: nothing is read or posted until its members have agreed to restore it")
	case t.ValidFrom != 0 && now < t.ValidFrom:
		return Errorf(Forbidden, "this agreement begins at %s; nothing is read or posted before", FormatMicros(t.ValidFrom))
	case t.ValidUntil != 0 && now >= t.ValidUntil:
		return Errorf(Forbidden, "this agreement ran out at %s: nothing is read or posted until its members have agreed to extend it", FormatMicros(t.ValidUntil))
	case a.Closed:
		return Errorf(Unavailable, "the terms of this agreement are being changed; ask again soon")
	}
	return nil
}
