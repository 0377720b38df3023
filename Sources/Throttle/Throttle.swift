// Throttle
