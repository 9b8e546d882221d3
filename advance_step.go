package entente

// take does one step.
func (a *advance) take(ids []ObjectID, arriving []arrival) error {
	coming := map[*advancing]bool{}
	for _, x := range arriving {
		coming[x.o] = true
	}
	var front []*advancing
	for _, id := range ids {
		if o := a.objects[id]; o != nil && !coming[o] {
			if err := a.settle(o); err != nil {
				return err
			}
			woken, err := a.wake(o)
			if err != nil {
				return err
			}
			front = append(append(front, o), woken...)
		}
	}
	if err := a.carry(front); err != nil {
		return err
	}
	come := a.arrive
	if a.c.Anew != nil {
		come = a.turn
	}
	for _, x := range arriving {
		front, err := come(x)
		if err != nil {
			return err
		}
		if err := a.carry(front); err != nil {
			return err
		}
	}
	return nil
}

// mostRounds is how often at most things leave and enter because of one submission.
const mostRounds = 100

// carry takes out what lost what it refers to, and lets enter what may after something
// became new of the objects of the front: first all that leaves, then what enters.
//
// Where contents of one version take each other's place, what refers to them leaves and
// comes in again, and that may let others take theirs. As what has stood goes on to tell who
// made an object, that ends when nothing is left that has not stood. The bound makes it end
// soon, whatever is submitted: nothing more enters then, and what could is judged again after
// an hour.
func (a *advance) carry(front []*advancing) error {
	for {
		if err := a.carryOnce(front); err != nil {
			return err
		}
		if err := a.unkeep(); err != nil || len(a.shaken) == 0 {
			return err
		}
		front = nil
	}
}

func (a *advance) carryOnce(front []*advancing) error {
	for rounds := 0; len(front) > 0 || len(a.shaken) > 0; {
		left, err := a.cascade()
		if err != nil {
			return err
		}
		for _, o := range left {
			if err := a.settle(o); err != nil {
				return err
			}
		}
		if front = append(front, left...); len(a.shaken) > 0 {
			continue
		}
		if rounds++; rounds > mostRounds {
			for _, o := range front {
				a.out.Due = append(a.out.Due, Due{o.m.ID, a.c.Now + dayMicros/24})
			}
			return nil
		}
		if front, err = a.enter(front); err != nil {
			return err
		}
	}
	return nil
}
