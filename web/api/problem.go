package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
)

// Problem is every answer that is not a success, as RFC 9457 has it.
type Problem struct {
	Type      string  `json:"type" doc:"Always about:blank: the status says what kind of problem it is" example:"about:blank"`
	Title     string  `json:"title" doc:"The status in words" example:"Unprocessable Entity"`
	Status    int     `json:"status" doc:"The HTTP status" example:"422"`
	Detail    string  `json:"detail,omitempty" doc:"What is wrong, for a person" example:"Some fields cannot be saved."`
	Missing   string  `json:"error,omitempty" doc:"With 403: the missing permission" example:"Missing permission: ViewClient"`
	Errors    []Fault `json:"errors,omitempty" nullable:"false" doc:"With 422: what is wrong where"`
	RequestID string  `json:"request_id,omitempty" doc:"With 5xx: the request's name in the server's log" example:"k3jv7qzw2mfa"`

	headers http.Header
}

// Fault is one thing that is wrong with what was sent.
type Fault struct {
	Location string `json:"location" doc:"Where: body, query or header, and the field in it" example:"body.legal_name"`
	Message  string `json:"message" doc:"What is wrong, for a person" example:"Enter the legal name."`
}

// Error, GetStatus, ContentType and GetHeaders are what huma asks of an error that is an answer.
func (p *Problem) Error() string             { return p.Title + ": " + p.Detail }
func (p *Problem) GetStatus() int            { return p.Status }
func (p *Problem) ContentType(string) string { return problemType }
func (p *Problem) GetHeaders() http.Header   { return p.headers }

const problemType = "application/problem+json"

func newProblem(status int) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: details[status]}
}

// details are what the statuses mean here.
var details = map[int]string{
	http.StatusBadRequest:            "The request cannot be read.",
	http.StatusUnauthorized:          "Send a live API token: Authorization: Bearer crm_pat_… Tokens are made under My account.",
	http.StatusForbidden:             "This is not allowed.",
	http.StatusNotFound:              "There is nothing here, or it is out of your reach.",
	http.StatusMethodNotAllowed:      "This path does not answer to this method.",
	http.StatusConflict:              "The record is being changed by others at this moment. Read it again and repeat your change.",
	http.StatusPreconditionFailed:    "The record has changed since the version in If-Match. Read it again.",
	http.StatusRequestEntityTooLarge: "A body has at most 1 MiB.",
	http.StatusRequestURITooLong:     "The address is too long.",
	http.StatusUnsupportedMediaType:  "Send the body as application/json.",
	http.StatusUnprocessableEntity:   "Something in this request cannot be taken as it is.",
	http.StatusTooManyRequests:       "Too many calls with tokens that are not live came from this address.",
	http.StatusInternalServerError:   "Something went wrong here. It has been logged under the request_id.",
	http.StatusServiceUnavailable:    "The register cannot answer at the moment. Try again shortly.",
}

var (
	// errStale says that the record is not at the version that If-Match names.
	errStale = errors.New("not at the version in If-Match")
	// errNotJSON is a body said to be something else than JSON.
	errNotJSON = errors.New("the body is not application/json")
)

// located is an Invalid with the part of the request that its fields belong to; without it they are the body's.
type located struct {
	part string
	err  error
}

func (l located) Error() string { return l.part + ": " + l.err.Error() }
func (l located) Unwrap() error { return l.err }

// at locates an error in a part of the request; nil stays nil.
func at(part string, err error) error {
	if err == nil {
		return nil
	}
	return located{part, err}
}

// problemOf maps an error to its problem: the one place where errors become statuses.
func problemOf(err error) *Problem {
	var (
		p         *Problem
		invalid   crm.Invalid
		forbidden postgres.Forbidden
		first     refused
		many      tooMany
		broken    syntax
	)
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, errNoToken):
		p = newProblem(http.StatusUnauthorized)
		p.headers = http.Header{"Www-Authenticate": {`Bearer realm="crm"`}}
	case errors.As(err, &many):
		p = newProblem(http.StatusTooManyRequests)
		p.headers = retryAfter(many.wait)
	case errors.As(err, &forbidden):
		p = newProblem(http.StatusForbidden)
		p.Missing, p.Detail = forbidden.Error(), forbidden.Error()
	case errors.As(err, &first):
		p = newProblem(http.StatusForbidden)
		p.Detail = first.why
	case errors.Is(err, postgres.ErrNotAuthor):
		p = newProblem(http.StatusForbidden)
		p.Detail = "Only its author, or someone who manages users, may delete an interaction."
	case errors.Is(err, crm.ErrNotFound):
		p = newProblem(http.StatusNotFound)
	case errors.Is(err, crm.ErrConflict):
		p = newProblem(http.StatusConflict)
	case errors.Is(err, errStale):
		p = newProblem(http.StatusPreconditionFailed)
	case errors.Is(err, errNotJSON):
		p = newProblem(http.StatusUnsupportedMediaType)
	case errors.As(err, &broken):
		p = newProblem(http.StatusBadRequest)
		p.Detail = "The body is not one JSON object: " + broken.what + "."
	case errors.Is(err, postgres.ErrOtherRequest):
		p = newProblem(http.StatusUnprocessableEntity)
		p.Errors = []Fault{{"header." + headerKey, "This key was used for another request. A new request needs a new key."}}
	case errors.As(err, &invalid):
		p = newProblem(http.StatusUnprocessableEntity)
		p.Errors = faultsOf(err, invalid)
	case postgres.Unavailable(err), errors.Is(err, context.Canceled):
		p = newProblem(http.StatusServiceUnavailable)
		p.headers = retryAfter(2 * time.Second)
	default:
		p = newProblem(http.StatusInternalServerError)
	}
	return p
}

// faultsOf lists what is wrong, in the order of the fields' names.
func faultsOf(err error, invalid crm.Invalid) []Fault {
	part := "body"
	var l located
	if errors.As(err, &l) {
		part = l.part
	}
	var faults []Fault
	for _, field := range slices.Sorted(maps.Keys(invalid)) {
		where := part
		if field != "" {
			where += "." + field
		}
		faults = append(faults, Fault{where, invalid[field].String()})
	}
	return faults
}

func retryAfter(wait time.Duration) http.Header {
	return http.Header{"Retry-After": {strconv.Itoa(max(1, int((wait+time.Second-1)/time.Second)))}}
}

// write answers with a problem where no operation does.
func write(w http.ResponseWriter, p *Problem) {
	h := w.Header()
	maps.Copy(h, p.headers)
	h.Set("Content-Type", problemType)
	raw, _ := json.Marshal(p) // plain fields cannot fail
	w.WriteHeader(p.Status)
	_, _ = w.Write(raw) // the client may be gone
}

// huma lets its errors be replaced only for the whole program, which has no other API. Its own would answer with
// the values that were sent, bodies whole.
func init() {
	huma.NewError = func(status int, _ string, errs ...error) huma.StatusError {
		if status == http.StatusInternalServerError {
			status = http.StatusBadRequest // huma says so of a body that ends early; our own errors are problems already
		}
		p := newProblem(status)
		for _, err := range errs {
			var d *huma.ErrorDetail
			if errors.As(err, &d) && d.Location != "" {
				p.Errors = append(p.Errors, Fault{d.Location, d.Message})
			}
		}
		return p
	}
	huma.NewErrorWithContext = func(_ huma.Context, status int, message string, errs ...error) huma.StatusError {
		return huma.NewError(status, message, errs...)
	}
}
