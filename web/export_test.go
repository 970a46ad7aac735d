package web

import "github.com/archpilot/crm/web/api"

// Route is one line of the route table, for tests that hold it against what is served.
type Route struct {
	Method, Pattern string
	Public          bool
	Sensitive       bool     // asks for the password again
	Needs           []string // permissions
}

// Routes returns the route table.
func (s *Server) Routes() []Route {
	var all []Route
	for _, r := range s.routes {
		route := Route{Method: r.method, Pattern: r.pattern, Public: r.needs.public, Sensitive: r.needs.sensitive}
		for _, p := range r.needs.permissions {
			route.Needs = append(route.Needs, string(p))
		}
		all = append(all, route)
	}
	return all
}

// APIOperations returns the table of the API.
func (s *Server) APIOperations() []api.Operation { return s.api.Operations() }
