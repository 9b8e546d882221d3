package entente

import "slices"

// Organisation is who takes part in an exchange. Home runs this node; any other is a partner.
type Organisation struct {
	Num  int64  // its number in the store, where lines name their source
	ID   string // UUID
	Name string // unique
	Home bool
	// Contact tells how to reach its people, in words that only people read.
	Contact string
	// Identities are the ids of the STIX identities that are this organisation's own: what
	// names one of them in created_by_ref is its own. Sorted; none belongs to two.
	Identities []ObjectID
	Created    int64 // microseconds since 1970, 0 where an earlier release made it
}

// AddPartner makes a partner known. It shares nothing yet: agreements do.
type AddPartner struct {
	Name, Contact string
	Identities    []ObjectID
}

// EditPartner changes the fields of an organisation that are not nil. Home has identities
// and a contact too, and keeps its name.
type EditPartner struct {
	Organisation  string // id
	Name, Contact *string
	// Add and Remove are identities that become, and cease to be, its own.
	Add, Remove []ObjectID
}

func (AddPartner) command()  {}
func (EditPartner) command() {}

// maxIdentities bounds how many identities an organisation has of its own.
const maxIdentities = 1000

// organisation is the one of that id, nil if there is none.
func (f Facts) organisation(id string) *Organisation {
	i := slices.IndexFunc(f.Organisations, func(o Organisation) bool { return o.ID == id })
	if i < 0 {
		return nil
	}
	return &f.Organisations[i]
}

// partner is the partner of that id, or the error that tells that there is none.
func (f Facts) partner(id string) (*Organisation, error) {
	o := f.organisation(id)
	switch {
	case o == nil:
		return nil, Errorf(NotFound, "there is no such partner")
	case o.Home:
		return nil, Errorf(Invalid, "%q is home itself, and no partner", o.Name)
	}
	return o, nil
}

func decideAddPartner(c AddPartner, f Facts) (Change, error) {
	to := Organisation{Num: f.NewOrganisation, ID: f.NewID, Name: c.Name, Contact: c.Contact, Created: f.Now}
	if err := to.gain(c.Identities); err != nil {
		return Change{}, err
	}
	return f.putOrganisation(to)
}

func decideEditPartner(c EditPartner, f Facts) (Change, error) {
	have := f.organisation(c.Organisation)
	if have == nil {
		return Change{}, Errorf(NotFound, "there is no such partner")
	}
	to := *have
	to.Identities = slices.Clone(have.Identities)
	if c.Name != nil && to.Home {
		return Change{}, Errorf(Invalid, "home keeps the name that it was made with: its partners know it by that")
	}
	set(&to.Name, c.Name)
	set(&to.Contact, c.Contact)
	for _, id := range c.Remove {
		i := slices.Index(to.Identities, id)
		if i < 0 {
			return Change{}, Errorf(NotFound, "%s is no identity of %q", clip(string(id)), to.Name)
		}
		to.Identities = slices.Delete(to.Identities, i, i+1)
	}
	if err := to.gain(c.Add); err != nil {
		return Change{}, err
	}
	return f.putOrganisation(to)
}

// gain adds identities to an organisation.
func (o *Organisation) gain(ids []ObjectID) error {
	for _, id := range ids {
		if _, err := ParseObjectID(string(id)); err != nil {
			return err
		}
		if id.Type() != "identity" {
			return Errorf(Invalid, "%s is no identity: created_by_ref names objects of the type \"identity\" (STIX 2.1 §3.2)", clip(string(id)))
		}
		if !slices.Contains(o.Identities, id) {
			o.Identities = append(o.Identities, id)
		}
	}
	slices.Sort(o.Identities)
	if len(o.Identities) > maxIdentities {
		return Errorf(Invalid, "an organisation has at most %d identities of its own", maxIdentities)
	}
	return nil
}

// putOrganisation checks an organisation against itself and the others.
func (f Facts) putOrganisation(to Organisation) (Change, error) {
	if err := CheckName("organisation", to.Name); err != nil {
		return Change{}, err
	}
	if err := checkText("contact", to.Contact, maxDescription); err != nil {
		return Change{}, err
	}
	for _, o := range f.Organisations {
		if o.ID == to.ID {
			continue
		}
		if o.Name == to.Name {
			return Change{}, Errorf(Conflict, "there is already an organisation named %q", to.Name)
		}
		for _, id := range to.Identities {
			if slices.Contains(o.Identities, id) {
				return Change{}, Errorf(Conflict, "%s is an identity of %q; it belongs to one organisation, so remove it there first", id, o.Name)
			}
		}
	}
	return Change{Organisation: &to, Receipt: Receipt{ID: to.ID}}, nil
}
