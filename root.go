package entente

import "slices"

// Root is a TAXII API root (TAXII 2.1 §4.2): a group of collections under one path, with
// settings of its own. Among a node's roots one is the default (§4.1.1).
type Root struct {
	Name             string // its path, "api1" for /api1/, see [CheckRootName]; it never changes
	Title            string
	Description      string
	MaxContentLength int64 // octets of a request body, more than 0
	PageMax          int64 // the most entries of a page, 0 for what the server allows
	// ReadOnly tells that accounts cannot write to its collections, whatever they were
	// granted. Home itself fills them, from files and other servers.
	ReadOnly bool
}

// AddRoot makes an API root. It is not the default until [EditRoot] says so.
type AddRoot struct{ Root Root }

// EditRoot changes the fields that are not nil, and with Default makes the root the one
// that discovery names as the default.
type EditRoot struct {
	Root                      string // name
	Title, Description        *string
	MaxContentLength, PageMax *int64
	ReadOnly                  *bool
	Default                   bool
}

// RemoveRoot takes away an API root that holds no collection and is not the default.
type RemoveRoot struct {
	Root string // name
}

func (AddRoot) command()    {}
func (EditRoot) command()   {}
func (RemoveRoot) command() {}

// MaxRootName is the most characters of an API root's name.
const MaxRootName = 64

// reservedRoots are first segments of paths that mean something else, or may come to.
var reservedRoots = []string{
	"taxii2", "taxii", "api", "healthz", "readyz", "metrics", // taken, or what TAXII 1 and 2.0 clients try
	"assets", "debug", "ledger", "login", "logout", "peer", "static", "ui", "web", "witness", // for people and for nodes among themselves
}

// CheckRootName checks the name of an API root. It is one segment of a path that every
// client, proxy and person writes the same way: 1 to [MaxRootName] characters, lower-case
// letters, digits, and after the first character also - and _. So it has no dots, no
// escapes and no two spellings. Names that the node's other paths have are refused.
func CheckRootName(s string) error {
	if s == "" {
		return Errorf(Invalid, "the API root needs a name")
	}
	if len(s) > MaxRootName {
		return Errorf(Invalid, "the name of an API root has at most %d characters", MaxRootName)
	}
	for i := range len(s) {
		c := s[i]
		ok := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || i > 0 && (c == '-' || c == '_')
		if !ok {
			return Errorf(Invalid, "the name %q of an API root may hold lower-case letters, digits, and after the first character - and _", clip(s))
		}
	}
	if slices.Contains(reservedRoots, s) {
		return Errorf(Invalid, "%q cannot be an API root: the node uses that path otherwise, or may come to; choose another name", s)
	}
	return nil
}

// Bounds of an API root's settings.
const (
	maxContentLength = 1 << 40
	maxRootPage      = 100_000
	maxDescription   = 4096 // bytes
)

// CheckRoot checks an API root with all its settings.
func CheckRoot(r Root) error {
	if err := CheckRootName(r.Name); err != nil {
		return err
	}
	if r.Title == "" {
		return Errorf(Invalid, "the API root needs a title")
	}
	if err := checkText("title of the API root", r.Title, 4*MaxName); err != nil {
		return err
	}
	if err := checkText("description of the API root", r.Description, maxDescription); err != nil {
		return err
	}
	switch {
	case r.MaxContentLength < 1 || r.MaxContentLength > maxContentLength:
		return Errorf(Invalid, "the longest body that the API root takes must be between 1 and %d bytes", int64(maxContentLength))
	case r.PageMax < 0 || r.PageMax > maxRootPage:
		return Errorf(Invalid, "the largest page of the API root must be between 1 and %d objects, or 0 for what the server allows", maxRootPage)
	}
	return nil
}

// VisibleRoots is the one rule of which API roots an account may know of: who reads all of
// all, others of those in which they see a collection, and everybody of the default one,
// where a client begins and whose existence tells nothing. All are the node's roots, the
// default first, and seen the collections that the account sees; the order stays.
func VisibleRoots(a Actor, all []Root, seen []Access) []Root {
	var out []Root
	for i, r := range all {
		sees := slices.ContainsFunc(seen, func(c Access) bool { return c.Root == r.Name && c.Visible() })
		if i == 0 || a.May(ReadAll) || sees {
			out = append(out, r)
		}
	}
	return out
}

// root is the API root that a command names, nil if there is none.
func (f Facts) root(name string) *Root {
	i := slices.IndexFunc(f.Roots, func(r Root) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return &f.Roots[i]
}

func noRoot(name string) error { return Errorf(NotFound, "there is no API root %q", clip(name)) }

func decideAddRoot(c AddRoot, f Facts) (Change, error) {
	if err := CheckRoot(c.Root); err != nil {
		return Change{}, err
	}
	if f.root(c.Root.Name) != nil {
		return Change{}, Errorf(Conflict, "there is already an API root %q", c.Root.Name)
	}
	if f.Life != nil && f.Life.Name == c.Root.Name {
		return Change{}, Errorf(Conflict, "there is an agreement %q, which is an API root too; choose another name", c.Root.Name)
	}
	return Change{Root: &c.Root, Receipt: Receipt{ID: c.Root.Name}}, nil
}

func decideEditRoot(c EditRoot, f Facts) (Change, error) {
	have := f.root(c.Root)
	if have == nil {
		return Change{}, noRoot(c.Root)
	}
	to := *have
	set(&to.Title, c.Title)
	set(&to.Description, c.Description)
	set(&to.MaxContentLength, c.MaxContentLength)
	set(&to.PageMax, c.PageMax)
	set(&to.ReadOnly, c.ReadOnly)
	if err := CheckRoot(to); err != nil {
		return Change{}, err
	}
	ch := Change{Root: &to, Receipt: Receipt{ID: to.Name}}
	if c.Default {
		ch.DefaultRoot = to.Name
	}
	return ch, nil
}

// set puts a new value in place of a field, where there is one.
func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

func decideRemoveRoot(c RemoveRoot, f Facts) (Change, error) {
	switch {
	case f.root(c.Root) == nil:
		return Change{}, noRoot(c.Root)
	case f.Roots[0].Name == c.Root:
		return Change{}, Errorf(Conflict, "%q is the default API root; make another one the default before you remove it", c.Root)
	case !f.Empty:
		return Change{}, Errorf(Conflict, "the API root %q has collections; remove them before it", c.Root)
	}
	return Change{RemoveRoot: c.Root, Receipt: Receipt{ID: c.Root}}, nil
}
