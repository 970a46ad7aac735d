package quicklog

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/archpilot/crm/internal/crm"
)

// channels are the words that a line may begin with.
var channels = map[string]crm.Channel{
	"call": crm.Call, "called": crm.Call, "phone": crm.Call, "phoned": crm.Call,
	"chiamata": crm.Call, "chiamato": crm.Call, "telefonata": crm.Call, "telefonato": crm.Call, "tel": crm.Call,
	"meeting": crm.Meeting, "met": crm.Meeting, "riunione": crm.Meeting, "incontro": crm.Meeting, "incontrato": crm.Meeting, "visto": crm.Meeting,
	"email": crm.Email, "emailed": crm.Email, "mail": crm.Email, "mailed": crm.Email, "e-mail": crm.Email,
	"note": crm.Note, "nota": crm.Note,
}

// Channels returns the words for a channel, sorted.
func Channels(c crm.Channel) []string {
	var words []string
	for _, w := range slices.Sorted(maps.Keys(channels)) {
		if channels[w] == c {
			words = append(words, w)
		}
	}
	return words
}

var directions = map[string]Direction{
	"in": In, "incoming": In, "inbound": In, "entrante": In, "in entrata": In, "out": Out, "outgoing": Out, "outbound": Out, "uscente": Out, "in uscita": Out,
}

var (
	italianCalls = []string{"chiamata", "chiamato", "telefonata", "telefonato"}
	italianWords = append([]string{"tel", "mail", "email", "e-mail"}, italianCalls...)
)

// prepositions say a direction before a name; after, where it is not nil, lists the channels after which they can
// mean nothing else.
var prepositions = map[string]struct {
	direction Direction
	after     []string
}{
	"from": {In, nil}, "to": {Out, nil},
	"da": {In, italianWords}, "dal": {In, italianWords}, "dalla": {In, italianWords},
	"a": {Out, italianCalls}, "ad": {Out, italianCalls}, "al": {Out, italianCalls}, "alla": {Out, italianCalls},
}

// withs stand before a name and say nothing.
var withs = map[string]bool{"with": true, "con": true}

// outcomes are short words for the usual outcomes, which are known by their own names too.
var outcomes = map[string]string{
	"followup": "Follow-up scheduled", "sent": "Information sent", "inviato": "Information sent", "inviata": "Information sent",
	"booked": "Meeting booked", "fissato": "Meeting booked", "fissata": "Meeting booked",
	"waiting": "Waiting for customer", "attesa": "Waiting for customer", "inattesa": "Waiting for customer",
	"noreply": "No answer", "nessunarisposta": "No answer", "nonrisponde": "No answer", "risolto": "Resolved", "risolta": "Resolved",
	"won": "Closed won", "vinto": "Closed won", "vinta": "Closed won", "lost": "Closed lost", "perso": "Closed lost", "persa": "Closed lost",
}

// Outcomes returns the short words for an outcome, sorted.
func Outcomes(outcome string) []string {
	var words []string
	for _, w := range slices.Sorted(maps.Keys(outcomes)) {
		if outcomes[w] == outcome {
			words = append(words, w)
		}
	}
	return words
}

// outcomeOf returns the outcome that a word is short for, else the word.
func outcomeOf(typed string) string {
	bare := func(s string) string { return strings.NewReplacer("-", "", "_", "", " ", "").Replace(fold(s)) }
	if full := outcomes[bare(typed)]; full != "" {
		return full
	}
	for _, o := range crm.Outcomes {
		if bare(o) == bare(typed) {
			return o
		}
	}
	return typed
}

// numbers are counts in words.
var numbers = map[string]int{
	"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
	"un": 1, "una": 1, "uno": 1, "due": 2, "tre": 3, "quattro": 4, "cinque": 5, "sei": 6, "sette": 7, "otto": 8, "nove": 9, "dieci": 10,
}

// unit is a measure of time.
type unit int

const (
	minute unit = iota
	hour
	day
	week
	month
)

var units = map[string]unit{
	"m": minute, "min": minute, "mins": minute, "minute": minute, "minutes": minute, "minuto": minute, "minuti": minute, "'": minute,
	"h": hour, "hr": hour, "hrs": hour, "hour": hour, "hours": hour, "ora": hour, "ore": hour,
	"day": day, "days": day, "giorno": day, "giorni": day, "week": week, "weeks": week, "settimana": week, "settimane": week,
	"month": month, "months": month, "mese": month, "mesi": month,
}

// durations are spans of time in words, in minutes.
var durations = map[string]int{
	"half an hour": 30, "half hour": 30, "mezz'ora": 30, "mezzora": 30, "mezza ora": 30, "mezz ora": 30,
	"a quarter of an hour": 15, "quarter of an hour": 15, "un quarto d'ora": 15, "quarto d'ora": 15,
	"three quarters of an hour": 45, "tre quarti d'ora": 45,
	"an hour": 60, "un'ora": 60, "un' ora": 60, "an hour and a half": 90, "un'ora e mezza": 90, "un'ora e mezzo": 90,
}

// halves follow a number of hours.
var halves = map[string]int{"and a half": 30, "e mezza": 30, "e mezzo": 30, "and a quarter": 15, "e un quarto": 15}

// weekdays of both languages, and their short forms.
var weekdays = map[string]time.Weekday{
	"monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5, "saturday": 6, "sunday": 0,
	"mon": 1, "tue": 2, "tues": 2, "wed": 3, "thu": 4, "thur": 4, "thurs": 4, "fri": 5, "sat": 6, "sun": 0,
	"lunedi": 1, "martedi": 2, "mercoledi": 3, "giovedi": 4, "venerdi": 5, "sabato": 6, "domenica": 0,
	"lun": 1, "mar": 2, "mer": 3, "gio": 4, "ven": 5, "sab": 6, "dom": 0,
}

// months of both languages, and their short forms.
var months = map[string]time.Month{
	"january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7, "august": 8, "september": 9, "october": 10, "november": 11, "december": 12,
	"jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9, "oct": 10, "nov": 11, "dec": 12,
	"gennaio": 1, "febbraio": 2, "marzo": 3, "aprile": 4, "maggio": 5, "giugno": 6, "luglio": 7, "agosto": 8, "settembre": 9, "ottobre": 10, "novembre": 11, "dicembre": 12,
	"gen": 1, "mag": 5, "giu": 6, "lug": 7, "ago": 8, "set": 9, "ott": 10, "dic": 12,
}

// near are the days that have a name, so many days from today.
var near = map[string]int{
	"today": 0, "oggi": 0, "yesterday": -1, "ieri": -1, "the day before yesterday": -2, "day before yesterday": -2, "l'altro ieri": -2, "l'altroieri": -2, "altroieri": -2, "avantieri": -2,
	"tomorrow": 1, "domani": 1, "the day after tomorrow": 2, "day after tomorrow": 2, "dopodomani": 2,
}

// clocks are times of day that have a name.
var clocks = map[string]clock{"noon": {12, 0}, "midday": {12, 0}, "mezzogiorno": {12, 0}, "midnight": {0, 0}, "mezzanotte": {0, 0}}

// halfDays follow a time of day.
var halfDays = map[string]string{"am": "am", "a.m": "am", "pm": "pm", "p.m": "pm"}

// Words before a day, before a time of day, and before a duration, which say nothing more.
var (
	ons  = map[string]bool{"on": true, "by": true, "entro": true, "il": true, "lo": true, "la": true, "this": true, "questo": true, "questa": true}
	ats  = map[string]bool{"at": true, "@": true, "alle": true, "ore": true, "all'": true}
	fors = map[string]bool{"for": true, "per": true}
)

// Words around a weekday, a week or a month that choose it.
var (
	lasts = map[string]bool{"last": true, "scorso": true, "scorsa": true}
	nexts = map[string]bool{"next": true, "prossimo": true, "prossima": true}
	agos  = map[string]bool{"ago": true, "fa": true}
	ins   = map[string]bool{"in": true, "tra": true, "fra": true}
)
