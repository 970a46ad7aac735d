package crm

// FirstSteps are what somebody new does first, each true once it is done.
type FirstSteps struct {
	Profile bool // a time zone was chosen
	MFA     bool // a second factor is set up
	Client  bool // an organization or a contact is theirs, or was made by them lately
	Call    bool // something was logged
}
