package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"entente"
	"entente/node"
	"entente/taxii"
)

// addObjects takes in an envelope (TAXII 2.1 §5.5). The body is read as a stream, and
// each object gets its own result. The work is done when the answer comes, so its status
// is complete. If the body turns out to be no envelope after some objects, those are in;
// the error says how many.
func (s *Server) addObjects(c *call) error {
	if err := checkBody(c.r, c.root.MaxContentLength); err != nil {
		return err
	}
	// Go ends the context of a request whose body fails. What had come by then is taken in
	// all the same; the end of the body ends the work.
	ctx := context.WithoutCancel(c.r.Context())
	st := entente.Status{Account: c.actor.Account.ID, Root: c.root.Name, Requested: s.node.Now()}
	into, through := c.in.Submits()
	report, err := s.node.Intake(ctx, c.actor, into, envelope(c.r, c.root.MaxContentLength), node.IntakeOptions{
		Each: func(r node.ItemResult) { addResult(&st, r) }, Through: through,
	})
	if err != nil {
		return brokenOff(err, report)
	}
	if st.ID, err = s.node.NewIDFor(st.Account); err != nil {
		return err
	}
	if err := s.node.PutStatus(ctx, c.actor, st); err != nil {
		return brokenOff(err, report)
	}
	return s.resource(c, http.StatusAccepted, status(st))
}

// checkBody judges a body by its headers: first its type, then its length.
func checkBody(r *http.Request, most int64) error {
	if err := taxii.CheckContentType(r.Header["Content-Type"]); err != nil {
		return err
	}
	for _, coding := range r.Header["Content-Encoding"] {
		if !strings.EqualFold(strings.TrimSpace(coding), "identity") {
			return entente.Errorf(entente.BadMediaType, "the body must not be compressed or encoded otherwise")
		}
	}
	if r.ContentLength > most {
		return entente.Errorf(entente.TooLarge, "the body has %d bytes; at most %d are taken, as the API root says", r.ContentLength, most)
	}
	return nil
}

// addResult files what became of one object. The version is required even of what was
// refused and has none that could be read; then it is the time of the request.
func addResult(st *entente.Status, r node.ItemResult) {
	d := entente.StatusDetail{ID: r.ID, Version: r.Version}
	if d.ID == "" {
		d.ID = fmt.Sprintf("objects[%d]", r.Index)
	}
	if d.Version == "" {
		d.Version = taxii.Timestamp(st.Requested)
	}
	list, more := &st.Successes, &st.MoreSuccesses
	if r.Err != nil || r.Outcome == entente.Deleted || r.Outcome == entente.Erased {
		list, more = &st.Failures, &st.MoreFailures
	}
	if len(*list) == maxDetails {
		*more++
		return
	}
	switch {
	case r.Err != nil:
		d.Message = entente.PublicText(r.Err)
	case r.Outcome == entente.Deleted:
		d.Message = "this version was deleted from the collection, and stays deleted; an operator of the node can bring back what home deleted"
	case r.Outcome == entente.Erased:
		d.Message = "these contents were erased under a legal basis, and are not taken in again; \"entente erase list\" tells by whom"
	default:
		d.Message = remark(r)
	}
	*list = append(*list, d)
}

// maxDetails is how many objects a status lists as taken, and how many as refused. It
// counts the others: an envelope of three bytes per object must not cost a thousand times
// as much memory. The lists are optional (§4.3.1).
const maxDetails = 50_000

// maxWarnings is how many warnings about one object a status tells.
const maxWarnings = 3

// remark says what is worth knowing about an object that was taken, "" if nothing is.
func remark(r node.ItemResult) string {
	var parts []string
	switch r.Outcome {
	case entente.Unchanged:
		parts = append(parts, "held already")
	case entente.Contested:
		parts = append(parts, "contested: other contents of this version came first and stay current")
	}
	// Of what is held beside it the sender knows least, so that comes first.
	warnings := slices.Concat(r.Breaches, r.Warnings)
	for i, w := range warnings {
		if i == maxWarnings {
			parts = append(parts, fmt.Sprintf("and %d more warnings", len(warnings)-i))
			break
		}
		text := strings.Join(slices.DeleteFunc([]string{w.Property, w.Text}, func(s string) bool { return s == "" }), ": ")
		if w.Section != "" {
			text += " (" + w.Section + ")"
		}
		parts = append(parts, "warning: "+text)
	}
	return strings.Join(parts, "; ")
}

// brokenOff tells of an intake that ended early, and what had been taken before. A body
// that is malformed is "unprocessable" here, by the table of §5.5.
func brokenOff(err error, report node.IntakeReport) error {
	taken := report.Read - report.Refused
	text := entente.PublicText(err)
	if report.Read > 0 {
		text += fmt.Sprintf("; of the %d objects that were dealt with before, %d are in and %d were refused; to send them again does no harm", report.Read, taken, report.Refused)
	}
	var l *limit
	if errors.As(err, &l) {
		return &limit{l.status, l.after, text}
	}
	kind := entente.KindOf(err)
	if kind == entente.Invalid {
		kind = entente.Unprocessable
	}
	return entente.Wrap(kind, err, text)
}

// status is a kept answer as TAXII shows it (§4.3.1). Requests are never left pending
// here, except object by object.
func status(st entente.Status) taxii.Status {
	out := taxii.Status{
		ID: st.ID, Status: taxii.Complete, RequestTimestamp: taxii.Timestamp(st.Requested),
		Successes: details(st.Successes), Failures: details(st.Failures), Pendings: details(st.Pendings),
	}
	out.SuccessCount, out.FailureCount, out.PendingCount = len(out.Successes)+st.MoreSuccesses, len(out.Failures)+st.MoreFailures, len(out.Pendings)
	out.TotalCount = out.SuccessCount + out.FailureCount + out.PendingCount
	if out.PendingCount > 0 {
		out.Status = taxii.Pending
	}
	return out
}

func details(all []entente.StatusDetail) []taxii.StatusDetail {
	out := make([]taxii.StatusDetail, len(all))
	for i, d := range all {
		out[i] = taxii.StatusDetail(d)
	}
	return out
}

// deleteObject takes an object, or some of its versions, out of the collection (§5.7).
func (s *Server) deleteObject(c *call) error {
	q, err := taxii.ParseQuery(taxii.DeleteObject, c.r.URL.RawQuery)
	if err != nil {
		return err
	}
	from, through := c.in.Submits()
	_, err = s.node.Do(c.r.Context(), c.actor, entente.DeleteObject{
		Collection: from, Object: c.objectID(), Versions: q.Filter.Versions, Specs: q.Filter.Specs, Through: through,
	})
	if err != nil {
		return err
	}
	send(c.x, http.StatusOK, nil)
	return nil
}
