"""Test inputs changed in ways that leave their meaning as it is: does a method answer them as well?"""
