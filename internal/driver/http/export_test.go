package httpdriver

// ProfileOf gives a built-in profile.
var ProfileOf = profile
