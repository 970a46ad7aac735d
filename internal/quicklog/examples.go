package quicklog

import (
	"time"

	"github.com/archpilot/crm/internal/crm"
)

// Topic is what an example shows.
type Topic string

// The topics, in the order in which help explains them.
const (
	Whole       Topic = "whole"
	OnNames     Topic = "names"
	OnWhen      Topic = "when"
	OnDuration  Topic = "duration"
	OnDirection Topic = "direction"
	OnOutcome   Topic = "outcome"
	OnNext      Topic = "next"
	OnText      Topic = "text"
)

// Topics lists them.
var Topics = []Topic{Whole, OnNames, OnWhen, OnDuration, OnDirection, OnOutcome, OnNext, OnText}

// Example is a line and what is read from it at ExampleNow. Help shows these, and a test holds Parse to them.
type Example struct {
	Topic Topic
	Text  string
	Want  Line // without Parts
}

// ExampleNow is the moment at which the examples are read: a Friday.
var ExampleNow = time.Date(2026, 11, 27, 10, 20, 0, 0, time.UTC)

// at is a moment of November 2026.
func at(day, hour, minute int) time.Time {
	return time.Date(2026, 11, day, hour, minute, 0, 0, time.UTC)
}

// on is a next step on a day of December 2026; 27 is the only day of November there is a need for.
func on(day int, title string) Next {
	return Next{Title: title, Due: time.Date(2026, 12, day, 12, 0, 0, 0, time.UTC)}
}

// to is a next step at a moment.
func to(moment time.Time, title string) Next { return Next{Title: title, Due: moment, Timed: true} }

// Examples show the grammar, topic by topic.
var Examples = []Example{
	{Whole, "call anna @acme 15m yesterday 15:00: renewal agreed #held >fri send contract", Line{
		Channel: crm.Call, Contact: "anna", Organization: "acme", Minutes: 15, When: at(26, 15, 0), Subject: "renewal agreed", Outcome: "held", Next: on(4, "send contract"),
	}},
	{Whole, "chiamata anna @acme 15min ieri alle 15: rinnovo concordato #risolto >ven inviare il contratto", Line{
		Channel: crm.Call, Contact: "anna", Organization: "acme", Minutes: 15, When: at(26, 15, 0), Subject: "rinnovo concordato", Outcome: "Resolved", Next: on(4, "inviare il contratto"),
	}},
	{Whole, "note @acme: moving to a new office in May", Line{Channel: crm.Note, Organization: "acme", Subject: "moving to a new office in May"}},

	{OnNames, "met anna rossi @acme holding: kick-off", Line{Channel: crm.Meeting, Contact: "anna rossi", Organization: "acme holding", Subject: "kick-off"}},
	{OnNames, `met @"acme holding" anna: kick-off`, Line{Channel: crm.Meeting, Contact: "anna", Organization: "acme holding", Subject: "kick-off"}},
	{OnNames, "incontro @acme con anna: avvio", Line{Channel: crm.Meeting, Contact: "anna", Organization: "acme", Subject: "avvio"}},
	{OnNames, `call "gio" @acme: renewal`, Line{Channel: crm.Call, Contact: "gio", Organization: "acme", Subject: "renewal"}},
	{OnNames, "call anna @acme renewal agreed", Line{Channel: crm.Call, Contact: "anna", Organization: "acme", Subject: "renewal agreed"}},
	{OnNames, "mail anna@acme.example: the new prices", Line{Channel: crm.Email, Contact: "anna@acme.example", Subject: "the new prices"}},

	{OnWhen, "call anna fri 9:30: renewal", Line{Channel: crm.Call, Contact: "anna", When: at(27, 9, 30), Subject: "renewal"}},
	{OnWhen, "call anna fri 15:00: renewal", Line{Channel: crm.Call, Contact: "anna", When: at(20, 15, 0), Subject: "renewal"}},
	{OnWhen, "telefonata anna lunedì alle 15: rinnovo", Line{Channel: crm.Call, Contact: "anna", When: at(23, 15, 0), Subject: "rinnovo"}},
	{OnWhen, "meeting @acme 22/11 3pm: renewal", Line{Channel: crm.Meeting, Organization: "acme", When: at(22, 15, 0), Subject: "renewal"}},
	{OnWhen, "riunione @acme 22.11.2026 15.30: rinnovo", Line{Channel: crm.Meeting, Organization: "acme", When: at(22, 15, 30), Subject: "rinnovo"}},
	{OnWhen, "call anna 3 days ago: renewal", Line{Channel: crm.Call, Contact: "anna", When: at(24, 12, 0), Subject: "renewal"}},
	{OnWhen, "chiamata anna 2 ore fa: rinnovo", Line{Channel: crm.Call, Contact: "anna", When: at(27, 8, 20), Subject: "rinnovo"}},
	{OnWhen, "meeting @acme tomorrow at 9: demo", Line{Channel: crm.Meeting, Organization: "acme", When: at(28, 9, 0), Subject: "demo"}},

	{OnDuration, "call anna 1h30: renewal", Line{Channel: crm.Call, Contact: "anna", Minutes: 90, Subject: "renewal"}},
	{OnDuration, "riunione @acme 90': avvio", Line{Channel: crm.Meeting, Organization: "acme", Minutes: 90, Subject: "avvio"}},
	{OnDuration, "meeting @acme half an hour: kick-off", Line{Channel: crm.Meeting, Organization: "acme", Minutes: 30, Subject: "kick-off"}},
	{OnDuration, "incontro @acme un'ora e mezza: avvio", Line{Channel: crm.Meeting, Organization: "acme", Minutes: 90, Subject: "avvio"}},

	{OnDirection, "call from anna @acme: a question on prices", Line{Channel: crm.Call, Direction: In, Contact: "anna", Organization: "acme", Subject: "a question on prices"}},
	{OnDirection, "email out anna: the new prices", Line{Channel: crm.Email, Direction: Out, Contact: "anna", Subject: "the new prices"}},
	{OnDirection, "chiamata entrante anna: una domanda", Line{Channel: crm.Call, Direction: In, Contact: "anna", Subject: "una domanda"}},
	{OnDirection, "telefonata a anna: i nuovi prezzi", Line{Channel: crm.Call, Direction: Out, Contact: "anna", Subject: "i nuovi prezzi"}},

	{OnOutcome, "call anna #won: renewal agreed", Line{Channel: crm.Call, Contact: "anna", Outcome: "Closed won", Subject: "renewal agreed"}},
	{OnOutcome, `call anna: tried twice #"no answer"`, Line{Channel: crm.Call, Contact: "anna", Outcome: "No answer", Subject: "tried twice"}},
	{OnOutcome, "call anna: invoice #2 is paid #happy", Line{Channel: crm.Call, Contact: "anna", Outcome: "happy", Subject: "invoice #2 is paid"}},

	{OnNext, "call anna: renewal >tomorrow at 9 call back", Line{Channel: crm.Call, Contact: "anna", Subject: "renewal", Next: to(at(28, 9, 0), "call back")}},
	{OnNext, "chiamata anna: rinnovo >tra 3 giorni richiamare", Line{Channel: crm.Call, Contact: "anna", Subject: "rinnovo", Next: Next{Title: "richiamare", Due: at(30, 12, 0)}}},
	{OnNext, "call anna: renewal >next week send the offer", Line{Channel: crm.Call, Contact: "anna", Subject: "renewal", Next: Next{Title: "send the offer", Due: at(30, 12, 0)}}},
	{OnNext, "call anna: renewal >in a week send the offer", Line{Channel: crm.Call, Contact: "anna", Subject: "renewal", Next: on(4, "send the offer")}},
	{OnNext, "call anna: renewal >send the offer on 4/12", Line{Channel: crm.Call, Contact: "anna", Subject: "renewal", Next: on(4, "send the offer on 4/12")}},

	{OnText, "call anna 25:00: renewal", Line{Channel: crm.Call, Contact: "anna", Subject: "renewal", Body: "25:00"}},
	{OnText, "the offer of Monday is fine", Line{Subject: "the offer of Monday is fine"}},
}
