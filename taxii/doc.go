// Package taxii is TAXII 2.1 on the wire (OASIS Standard, 10 June 2021): its resources,
// media types, timestamps, query parameters and paging cursors. It holds no server state
// and knows nothing of storage; section numbers in this package are those of the standard.
package taxii
