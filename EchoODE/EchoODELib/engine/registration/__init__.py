"""Registration neural ODE (paper 001): an end-diastolic mask carried over the clip along a flow.

``propagate.propagate`` is the door and ``settings.RegistrationSettings`` what determines it.
"""
