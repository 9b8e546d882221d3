// Package api is everything of a node that speaks HTTP to programs: the TAXII 2.1 server
// (OASIS Standard, 10 June 2021), health and metrics.
//
// A request passes, in this order, sign-in, the visibility of what its path names, the
// method, Accept, the content type, the length, the parameters, and then reaches the
// node, which holds the rules. Errors therefore come in this order, and what is unknown
// is answered like what must not be seen. Routes are a table; handlers translate.
package api
