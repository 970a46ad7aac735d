package demo

import "github.com/archpilot/crm/internal/crm"

// The phrase banks. Slots are filled by talk.slot: {t} the topic, {T} the topic without its article,
// {c} the contact's first name, {full} the whole name, {o} the client, {d} a document, {p} a place,
// {w} a weekday, {m} a month, {v} a colleague, {n} a small number, {x} a percentage, {a} an amount,
// {r} a reference number. Topics differ from draw to draw, so a phrase with {t} has many faces.

var subjects = map[crm.Channel][]string{
	crm.Call: {
		"Call about {t}", "{c} asked about {t}", "Quick question on {t}", "{c} called back about {t}", "Voicemail for {c} on {t}",
		"{c} wants to move {t} to {m}", "Walked {c} through {t}", "Short call before the {w} deadline: {t}", "Pricing of {t}", "{c} is unhappy with {t}",
		"Complaint about {t}", "Thanked {c} for {d}", "Chased {d}", "Checked in on {t}", "{c} confirmed {t}", "Budget for {t}: {a}",
		"Who decides on {t}?", "Introduced {v} to {c}", "{c} needs {d} by {w}", "Agreed the scope of {t}", "Delay with {t}", "Reference {r}: {T}",
		"{c} compared us with a rival on {t}", "Discount on {t}, {x} at most", "No answer about {t}", "Reached {c} on the third try about {t}",
		"Order {r} and {t}", "{c} said yes to {t}", "{c} said no to {t}", "Renewal of {t}", "Escalation: {T}", "Status of {t} with {c}",
		"Booked a visit to {p} about {t}", "{c} is leaving; who takes over {t}?", "Call with {c} and {v} on {t}", "Payment terms for {t}",
		"Second opinion on {t}", "{c} approved {d}", "Urgent: {T}", "Planning call for {m}: {T}", "Credit note {r} explained to {c}", "{c} postponed {t}",
		"Training dates for {t}", "Follow-up on invoice {r}",
	},
	crm.Meeting: {
		"Visit to {p}: {T}", "Workshop on {t}", "Quarterly review with {c}: {T}", "Kick-off of {t}", "Lunch with {c} in {m}", "Board presentation of {t}",
		"Walk through {p} with {c}", "{v} and {c} on {t}", "Negotiation of {t}", "Site survey at {p}", "Signed {d} with {c}", "Demonstration of {t}",
		"Handover of {t}", "Steering committee: {T}", "Trade fair in {m}: met {c}", "Introductory meeting about {t}", "Lessons learned from {t}",
		"Risk review of {t}", "Budget round for {t}", "Annual plan with {c}, from {m} on", "Video meeting on {t}", "Acceptance of {t} at {p}",
		"Audit of {p}", "{c} presented {t}", "Round table on {t}", "Training day at {p}: {T}", "Price talks on {t} with {c}", "Contract meeting, reference {r}",
		"Breakfast with {full}", "Crisis meeting about {t}", "Half-day on {t} with {n} of their people", "Pilot of {t} reviewed", "Milestone {n} of {t}",
		"Tender {r}: questions about {t}", "Farewell and successor: {c}", "Technical deep dive into {t}", "Legal points of {t}", "Met {c} and the new team",
		"{o} at our office: {T}", "Supplier day at {p}", "Design review of {t}", "Planning of {m} with {c}",
	},
	crm.Email: {
		"Sent {d}", "Re: {T}", "{c} sent {d}", "Draft of {t} for {c}", "Question from {c} about {t}", "Offer {r} for {t}", "Reminder: {T}", "Notes on {t} to {c}",
		"Revised offer {r}", "Confirmation of {t}", "Dates in {m} for {t}", "Thanks and next steps on {t}", "Please sign: {d}", "{c} forwarded {d}", "Invoice {r} queried",
		"Attachment: {d} with changes", "Reply to {c} on {t}", "Introduction of {v} by mail", "Out of office: {c} until {w}", "Figures for {t}",
		"Purchase order {r} received", "Change request to {t}", "Fw: {T}, comments by {c}", "Price list for {m}", "{c} asks for {n} more weeks for {t}",
		"Summary of our {w} talk on {t}", "Apology for {t}", "References for {t}", "Data sheet for {t}", "Terms of {t}, version {n}", "{c} accepted offer {r}",
		"{c} declined offer {r}", "Agenda for {w}: {T}", "Minutes: {T}", "Photos of {p}", "Delivery note {r}", "Certificate for {t}", "New contact details of {c}",
		"Feedback on {d}", "Survey sent to {c} after {t}", "Claim {r} and {t}", "Access to {p} for our people", "Contract {r} extended", "List of open points on {t}",
	},
	crm.Note: {
		"Prefers calls after {n} o'clock: {c}", "{c} decides on {t}", "Competitor offers {t}", "Background to {t}", "Credit limit raised to {a}", "Rumour about {t}",
		"{c} moves to another site in {m}", "Budget opens in {m}: {T}", "Idea: bundle {t}", "Watch out for {t}", "Renewal due in {m}", "Press report on {t}",
		"Works council and {t}", "New building next to {p}", "{c} knows {v} from before", "Delivery rules at {p}", "Their year ends in {m}", "Discount of {x} granted for {t}",
		"Open points on {t}", "Internal: who covers {c}?", "Lost {t} on price", "Won {t}", "Holiday shutdown in {m}", "Do not mention {t}", "Opportunity: {T}",
		"Asked {v} about {t}", "Tender {r} expected", "Merger talk", "Strategy for {t}", "Contact map of {o}", "Payment behaviour since {m}", "{c} likes {d} on paper",
		"Switchboard routes us to {c}", "Parking and entry at {p}", "Quality issue with {t}", "Volume forecast up {x}", "Volume forecast down {x}", "{c} back from leave in {m}",
		"Second source for {t}", "Reorganisation: {c} gains {t}", "Language: {c} prefers English", "Handover notes on {t}", "Birthday of {c} in {m}", "Framework number {r}",
	},
}

var openings = map[crm.Channel][]string{
	crm.Call: {
		"Spoke with {c} for about {n} minutes about {t}.", "{c} rang to ask where we stand with {t}.", "Got {c} on the line at once.", "Caught {c} between two meetings; {t} can wait until {w}.",
		"{c} had {n} questions on {t}, most of them answered on the spot.", "Talked {t} over with {c}, who had {d} at hand.", "{c} was in a hurry but clear about {t}.",
		"Called {c} to say thank you and ended up on {t}.", "{c} put me through to finance about {t}.", "Long call, mostly about {t}.", "Rang to confirm {t}; {c} agreed at once.",
		"{c} opened with {t}, then came to the point: the price.", "First call since {m}; {c} remembered every word on {t}.", "The line from {p} was bad, the news on {t} was good.",
		"Asked {c} straight out what is holding up {t}.", "{c} returned my call about {t} within the hour.",
		"Talked about {t} with their office.", "Half an hour on {t}, all of it useful.", "Short talk with the front desk about {t}.",
		"Called to confirm the date for {t}.", "Their office asked for {d} again.", "Spoke with finance about {t}.",
	},
	crm.Meeting: {
		"Met {c} at {p} for {n} hours.", "{c} showed us around {p} and explained how they handle {t} today.", "Good meeting with {c} and {n} colleagues about {t}.", "We went through {d} line by line.",
		"{c} opened with the figures; {t} came second.", "Round of introductions, then straight to {t}.", "{v} came along and took {c} through {t}.", "The meeting was moved to {p} at short notice.",
		"Only {c} could make it, so we kept to {t}.", "Their board joined for the last part on {t}.", "Sat down with {c} over {d} and agreed most of it.", "A cool start, but {t} broke the ice.",
		"{c} had prepared {n} questions on {t}.", "Saw for ourselves at {p} how they handle {t}.", "Walked {c} through the plan for {t}.",
	},
	crm.Email: {
		"Sent {c} the figures for {t} as promised.", "{c} replied within the day and wants {t} settled by {w}.", "Forwarded {d} with two changes marked.", "{c} asks for a shorter version of {d}.",
		"Wrote to {c} with a summary of {t}.", "Long mail from {c} with {n} open points on {t}.", "Thanked {c} and attached {d}.", "{c} copied in their lawyer on {t}.",
		"Answered {n} questions about {t}.", "Sent a reminder about {t}, friendly but clear.", "{c} confirmed {t} in writing.", "Reply to the request of {w}, with {d}.", "Shared {d} and asked {c} for comments.",
		"{c} sent {d} back with notes in the margin.", "Short mail: they are happy with {t} as it stands.",
	},
	crm.Note: {
		"Heard from {v} that they are reviewing {t}.", "{c} mentioned in passing that {t} may be put out to tender.", "For whoever calls next: start with {t}.", "Their reception sends calls on {t} to {c}.",
		"Worth knowing before the next visit to {p}.", "{c} answers mail in the evening and calls before noon.", "They have had {t} on their list since {m}.", "Spoke to {v} about how we handle {t}.",
		"Found in {d}, not told to us directly.", "{c} signs up to {a}; above that the board decides.", "They measure us by {t}, nothing else.", "The last {n} orders came through {c}.",
		"{c} was burnt by {t} once and wants it in writing.", "From the trade press: {o} is growing again.", "After {n} months of quiet they talk of {t} again.",
	},
}

var details = []string{
	"They have {a} set aside for it this year.", "The sticking point is the price: {x} above what they pay today.", "{c} would rather start small at {p} and widen it in {m}.", "A rival offered the same for {x} less.",
	"Delivery by {m} is a must.", "{v} should look at the numbers before we answer.", "The decision lies with the board, which meets on {w}.", "They liked how quickly we handled reference {r}.",
	"Open so far: who pays for transport.", "Their team at {p} has doubts that we should take seriously.", "{c} wants a named person to call, day and night.", "It depends on {d}, which legal still has.",
	"They grew by {x} and need more of it.", "{n} of their people will need training.", "Nobody at {p} had been told, which explains the tone.", "The old contract ends in {m} and will not be renewed as it is.",
	"{c} asked twice about payment terms.", "Volume is likely to double once {p} is running.", "Quality has been fine, punctuality less so.", "We are second on their list at the moment.",
	"It must fit into their shutdown in {m}.", "{c} praised the work of {v}.", "They expect an answer before {w}.", "A pilot with {n} units would convince them.", "The figure of {a} was news to {c}.",
	"Their auditor wants {d} on file.", "We agreed to leave {t} out of it for now.", "There was some confusion over order {r}; it is cleared up.", "{c} has the budget but not the time.", "They want everything in one contract.",
	"Insurance is still to be settled.", "The line at {p} stands still until then.",
}

var closings = []string{
	"I will send {d} by {w}.", "{c} comes back to us on {w}.", "Next step: a visit to {p} in {m}.", "To be settled with {v} first.", "We speak again next week.", "Nothing more to do until {m}.",
	"Promised an answer within {n} days.", "{v} takes it from here.", "{c} will put it to the board.", "Waiting for {d}.", "Will call again on {w} morning.", "Agreed to meet at {p}.",
	"Sent the dates straight after.", "If nothing comes by {w} I will chase it.", "They will order before {m}.", "Offer to follow.", "Filed under reference {r}.", "{c} prefers a call to a mail.",
	"Asked {v} for a price.", "We keep the offer open until {m}.", "Happy client.", "Handle with care.", "Let us not lose this one.", "On the agenda for {w}.", "Done for now.",
}

var outcomes = map[crm.Channel][]string{
	crm.Call:    words("Follow-up scheduled|Follow-up scheduled|Information sent|Meeting booked|Waiting for customer|Resolved"),
	crm.Meeting: words("Follow-up scheduled|Follow-up scheduled|Information sent|Waiting for customer|Resolved"),
	crm.Email:   words("Information sent|Information sent|Waiting for customer|Waiting for customer|Meeting booked|Resolved|Follow-up scheduled"),
	crm.Note:    words("Resolved|Waiting for customer|Follow-up scheduled"),
}

// unanswered are the openings of a call that nobody took.
var unanswered = words("Nobody picked up; left a message about {t}.|Rang out twice; will try again on {w}.|Voicemail; asked to be called back before {w}.|Engaged all morning, so I left word about {t}.|No luck; sent a short mail instead.")

// verdicts are phrases of a subject that leave only one outcome.
var verdicts = []struct{ phrase, outcome string }{
	{"Voicemail", noAnswer},
	{"No answer", noAnswer},
	{"said yes", "Closed won"},
	{"accepted offer", "Closed won"},
	{"Won {t}", "Closed won"},
	{"Signed {d}", "Closed won"},
	{"said no", "Closed lost"},
	{"declined offer", "Closed lost"},
	{"Lost {t}", "Closed lost"},
}

const noAnswer = "No answer"

var (
	topics = words("the framework agreement|the service contract|the spring delivery plan|the autumn campaign|the annual price review|the new billing address|the onboarding plan|the pilot at the second site|" +
		"the overdue invoices|the insurance cover|the training programme|the energy audit|the data protection addendum|the customs papers|the spare parts stock|the return of the samples|" +
		"the new purchasing rules|the stock forecast|the move to the new building|the supplier questionnaire|the safety inspection|the carbon report|the warranty claim|the joint press release|" +
		"the rollout to the branches|the year-end bonus|the electronic ordering|the credit terms|the translation of the manual|the emergency call-out|the site access rules|the second shift|" +
		"the quarterly figures|the maintenance window|the lease of the equipment|the packaging return scheme")
	documents = words("the signed contract|the revised offer|the order form|the delivery schedule|the price list|the technical drawings|the test report|the draft agreement|the specification|the audit report|" +
		"the certificate|the insurance letter|the catalogue|the cost breakdown|the presentation|the minutes|the non-disclosure agreement|the case study|the framework terms|the stock list")
	places = words("their main site|the new warehouse|the head office|their second plant|the showroom|the test hall|the old mill|the loading dock|the branch in town|the training centre|the harbour office|the north site|our office")

	weekdays   = words("Monday|Tuesday|Wednesday|Thursday|Friday")
	months     = words("January|February|March|April|May|June|July|September|October|November|December")
	colleagues = words("Giulia|Marco|Sean|Ingrid|Amara|Yusuf|Eleanor|Priya")
)

var sectorTopics = map[string][]string{
	"Agriculture":   words("the harvest forecast|the irrigation pumps|the seed order|the cold store|the bottling line|the frost damage"),
	"Automotive":    words("the gearbox series|the recall of the brackets|the just-in-time slots|the paint line|the crash test parts|the battery housings"),
	"Aviation":      words("the hangar lease|the parts traceability|the airworthiness papers|the ground equipment|the winter maintenance|the cabin refit"),
	"Ceramics":      words("the kiln upgrade|the glaze recipe|the tile samples|the breakage in transit|the gas contract|the new mould set"),
	"Construction":  words("the scaffolding order|the site start|the building permit|the concrete deliveries|the crane rental|the snag list"),
	"Consulting":    words("the client survey|the shared workspace|the day rates|the joint proposal|the report template|the workshop series"),
	"Education":     words("the course catalogue|the term dates|the learning platform|the exam room booking|the student licences|the teacher training"),
	"Energy":        words("the grid connection|the turbine service|the solar field|the meter readings|the feed-in contract|the battery store"),
	"Food":          words("the allergen labels|the shelf-life tests|the flour contract|the packing line|the hygiene audit|the seasonal range"),
	"Healthcare":    words("the sterile packs|the device approval|the ward trial|the cold chain|the lab equipment|the tender of the clinics"),
	"Logistics":     words("the night routes|the pallet exchange|the toll surcharge|the dock booking|the fleet renewal|the fuel clause"),
	"Manufacturing": words("the press line|the tool change|the steel price clause|the spindle repair|the machine acceptance|the prototype run"),
	"Marine":        words("the dry dock|the hull survey|the engine overhaul|the mooring fees|the launch date|the teak delivery"),
	"Optics":        words("the lens coating|the laser alignment|the clean room|the glass batch|the calibration service|the camera module"),
	"Packaging":     words("the recycled board|the print proofs|the die-cutting tools|the film thickness|the returnable crates|the label change"),
	"Retail":        words("the shelf plan|the till rollout|the winter stock|the loyalty cards|the shop fitting|the returns desk"),
	"Robotics":      words("the gripper test|the cell layout|the safety fence|the controller update|the vision system|the second robot"),
	"SaaS":          words("the single sign-on|the data export|the uptime report|the seat licences|the interface change|the penetration test"),
	"Textiles":      words("the dye lots|the yarn order|the loom service|the fabric samples|the collection dates|the wash tests"),
	"Timber":        words("the log prices|the drying kiln|the forest certificate|the oak delivery|the saw line|the joinery order"),
}
