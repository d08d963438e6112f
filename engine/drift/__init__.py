"""How far two samples lie apart, and whether that is more than noise: values in, values out; scipy is loaded only for a p-value."""
