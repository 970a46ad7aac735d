package web

import (
	"context"
	"io"
	"net/http"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

// response is what a handler returns: one of page, file, subscription, stream, redirect, entrance and exit.
type response interface{ isResponse() }

// page is a rendered page with its status.
type page struct {
	status int
	body   templ.Component
}

// redirect leads on with 303 after a success, with a flash that may carry an Undo.
type redirect struct {
	to    string
	flash templates.Flash
}

// entrance signs a user in, with a fresh session token, and leads on. Half an entrance leads to the second
// factor, and from there to then.
type entrance struct {
	user uuid.UUID
	half bool
	to   string
	then string // with half

	proof postgres.Proof // zero where no password was asked for
}

// exit ends the session and leads to the sign-in page.
type exit struct{}

// file is what is no page: a picture, say. It is never stored by the browser.
type file struct {
	contentType string
	body        []byte
}

// subscription is a file that a program asks for again and again: it gets it anew only where it has changed. With a name
// it is saved under that.
type subscription struct {
	name, contentType string
	body              []byte
}

// stream is a file that is written as it is read: nobody knows beforehand how long it is.
type stream struct {
	name, contentType string
	write             func(context.Context, io.Writer) error
	end               func() // called when it is over, however it ends
}

func (page) isResponse() {}
func (file) isResponse() {}

func (subscription) isResponse() {}

func (stream) isResponse()   {}
func (redirect) isResponse() {}
func (entrance) isResponse() {}
func (exit) isResponse()     {}

// show is a page with status 200.
func show(body templ.Component) response { return page{http.StatusOK, body} }

// refuse is the form again, with status 422.
func refuse(body templ.Component) response { return page{http.StatusUnprocessableEntity, body} }

// saved leads on after a write, with a flash that offers Undo.
func saved(to, text string, s postgres.Saved) response {
	r := redirect{to: to, flash: templates.Flash{Text: text}}
	if s.ChangeSet != uuid.Nil {
		r.flash.UndoPath = paths.Undo(s.ChangeSet)
	}
	return r
}
